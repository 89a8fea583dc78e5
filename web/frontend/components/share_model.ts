/**
 * What is shared with an upper platform, as ticks in a tree; no DOM. The parts of a share add up and
 * the exclusions win, so a tick may come from the node, from something above it, or from a category.
 */

import type { TreeNode } from "../contract";
import type { Share } from "../platform_contract";

export type Tick = "on" | "off" | "part";

/** A node in its place: what it hangs in, the root first, and what is loaded below it. */
export interface Placed {
  node: TreeNode;
  above: TreeNode[];
  /** Null as long as nobody unfolded it. */
  below: Placed[] | null;
}

export class ShareModel {
  everything = false;
  readonly organisations: Set<string>;
  readonly categories: Set<string>;
  readonly channels: Set<string>;
  readonly excluded: Set<string>;

  constructor(share: Share) {
    this.everything = share.everything;
    this.organisations = new Set(share.organisations);
    this.categories = new Set(share.categories);
    this.channels = new Set(share.channels);
    this.excluded = new Set(share.excluded);
  }

  share(): Share {
    return { everything: this.everything, organisations: [...this.organisations].sort(),
      categories: [...this.categories].sort(), channels: [...this.channels].sort(), excluded: [...this.excluded].sort() };
  }

  get isEmpty(): boolean {
    return !this.everything && this.organisations.size + this.categories.size + this.channels.size === 0;
  }

  /** Whether the whole of a branch is named, by itself or by something above it. */
  private isNamed(node: TreeNode): boolean {
    if (node.kind === "category") return this.categories.has(node.id) || this.categories.has(node.id.slice(0, 2));
    return node.kind !== "channel" && this.organisations.has(node.id);
  }

  private isCovered(placed: Placed): boolean {
    return this.everything || this.isNamed(placed.node) || placed.above.some((node) => this.isNamed(node));
  }

  /** What reaches a channel besides its own name; its record knows where else it hangs. */
  private isReached(placed: Placed): boolean {
    const { channel } = placed.node;
    if (this.isCovered(placed)) return true;
    if (channel === null || channel === undefined) return false;
    const category = channel.category_code ?? "";
    return this.organisations.has(channel.device_id) || this.organisations.has(channel.organisation_id ?? "")
      || (category !== "" && (this.categories.has(category) || this.categories.has(category.slice(0, 2))));
  }

  tick(placed: Placed): Tick {
    const { node } = placed;
    if (node.kind === "channel") {
      if (this.excluded.has(node.id)) return "off";
      return this.channels.has(node.id) || this.isReached(placed) ? "on" : "off";
    }
    const inside = placed.below?.map((one) => this.tick(one)) ?? [];
    if (this.isCovered(placed)) return inside.some((tick) => tick !== "on") ? "part" : "on";
    if (inside.length > 0 && inside.every((tick) => tick === "on")) return "on";
    return inside.some((tick) => tick !== "off") ? "part" : "off";
  }

  /** A click on the tick: what is not wholly shared is shared, what is shared is not any more. */
  toggle(placed: Placed, roots: readonly Placed[]): void {
    const isOn = this.tick(placed) === "on";
    if (placed.node.kind === "channel") this.setChannel(placed, !isOn);
    else if (isOn) this.takeBranch(placed, roots);
    else this.giveBranch(placed);
  }

  /** One channel, found by search: where it hangs is known from its record only. */
  setChannel(placed: Placed, isOn: boolean): void {
    const { id } = placed.node;
    if (isOn) {
      this.excluded.delete(id);
      if (!this.isReached(placed)) this.channels.add(id);
    } else {
      this.channels.delete(id);
      if (this.isReached(placed)) this.excluded.add(id);
    }
  }

  private giveBranch(placed: Placed): void {
    this.forget(placed);
    if (!this.isCovered(placed)) this.named(placed.node).add(placed.node.id);
  }

  /** Where something above is named, its other children are named instead. */
  private takeBranch(placed: Placed, roots: readonly Placed[]): void {
    const chain = [...placed.above, placed.node];
    let level = roots;
    let isInside = this.everything;
    this.everything = false;
    for (const node of chain) {
      if (isInside) for (const other of level) if (other.node.id !== node.id) this.giveOne(other);
      isInside = isInside || this.isNamed(node);
      this.named(node).delete(node.id);
      if (node.kind === "category") this.categories.delete(node.id.slice(0, 2));
      level = level.find((other) => other.node.id === node.id)?.below ?? [];
    }
    this.forget(placed);
    for (const one of placed.below ?? []) if (one.node.kind === "channel" && this.tick(one) === "on") this.setChannel(one, false);
  }

  private giveOne({ node }: Placed): void {
    if (node.kind !== "channel") this.named(node).add(node.id);
    else if (!this.excluded.has(node.id)) this.channels.add(node.id);
  }

  /** Nothing below has a word of its own any more. */
  private forget(placed: Placed): void {
    for (const one of placed.below ?? []) {
      this.named(one.node).delete(one.node.id);
      this.excluded.delete(one.node.id);
      this.forget(one);
    }
  }

  private named({ kind }: TreeNode): Set<string> {
    return kind === "channel" ? this.channels : kind === "category" ? this.categories : this.organisations;
  }
}
