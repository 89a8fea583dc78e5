/** The tree of cameras without its looks: loaded branch by branch, flattened to the rows on screen. */

import type { ChannelStatus, TreeNode } from "../contract";

export type Grouping = "organisation" | "category";

export interface TreeRow {
  node: TreeNode;
  key: string;
  depth: number;
  isOpen: boolean;
  isLoading: boolean;
}

/** One branch of one way of browsing; the same channel may hang in several. */
export function nodeKey(node: Pick<TreeNode, "kind" | "id">): string {
  return `${node.kind}:${node.id}`;
}

export class TreeModel {
  private readonly children = new Map<string, TreeNode[]>();
  private readonly loading = new Set<string>();
  readonly open: Set<string>;

  constructor(
    private readonly load: (by: Grouping, parent: string | null) => Promise<TreeNode[]>,
    public grouping: Grouping,
    open: Iterable<string> = [],
  ) {
    this.open = new Set(open);
  }

  /** The rows from top to bottom. */
  rows(): TreeRow[] {
    const rows: TreeRow[] = [];
    this.collect(this.children.get(this.branch(null)) ?? [], 0, rows);
    return rows;
  }

  get hasRoots(): boolean {
    return this.children.has(this.branch(null));
  }

  /** Load the roots and every branch that was open. */
  async refresh(): Promise<void> {
    const roots = await this.load(this.grouping, null);
    this.children.set(this.branch(null), roots);
    await this.refreshOpen(roots);
  }

  async expand(node: TreeNode): Promise<void> {
    const key = nodeKey(node);
    this.open.add(key);
    if (this.children.has(this.branch(node.id))) return;
    this.loading.add(key);
    try {
      this.children.set(this.branch(node.id), await this.load(this.grouping, node.id));
    } finally {
      this.loading.delete(key);
    }
  }

  collapse(node: TreeNode): void {
    this.open.delete(nodeKey(node));
  }

  /** Take in an event; true when a row changed. Counts need a refresh, rows do not. */
  apply(status: ChannelStatus, at: string): boolean {
    let isChanged = false;
    for (const nodes of this.children.values()) {
      for (const node of nodes) {
        if (node.channel?.code !== status.code) continue;
        const { recording, ...facts } = status;
        const since = node.channel.online === status.online ? node.channel.state_since : at;
        node.channel = { ...node.channel, ...facts, state_since: since };
        if (recording !== null && recording !== undefined) node.channel.recording = recording;
        isChanged = true;
      }
    }
    return isChanged;
  }

  private branch(parent: string | null): string {
    return `${this.grouping}/${parent ?? ""}`;
  }

  private async refreshOpen(nodes: TreeNode[]): Promise<void> {
    const open = nodes.filter((node) => node.has_children && this.open.has(nodeKey(node)));
    await Promise.all(open.map(async (node) => {
      const children = await this.load(this.grouping, node.id);
      this.children.set(this.branch(node.id), children);
      await this.refreshOpen(children);
    }));
  }

  private collect(nodes: TreeNode[], depth: number, rows: TreeRow[]): void {
    for (const node of nodes) {
      const key = nodeKey(node);
      const isOpen = this.open.has(key);
      rows.push({ node, key, depth, isOpen, isLoading: this.loading.has(key) });
      if (isOpen) this.collect(this.children.get(this.branch(node.id)) ?? [], depth + 1, rows);
    }
  }
}
