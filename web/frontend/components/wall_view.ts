/** The wall: 1, 4 or 9 tiles, remembered with their channels; dropped on, swapped, maximised. */

import { Problem, type Api } from "../api";
import type { AlarmBook } from "../alarm_book";
import type { Channel } from "../contract";
import type { EventStream } from "../events";
import { isBoolean, recall, remember } from "../preferences";
import { Tile } from "./tile";
import { attempt } from "./toast";
import {
  emptyWall, isWallState, LAYOUTS, neighbour, slotFor, swapped, visibleSlots,
  type Layout, type WallState,
} from "./wall_layout";

/** What is known of a channel that cannot be read: its code. */
function namelessChannel(code: string): Channel {
  return {
    code, name: code, device_id: "", category_code: null, category: null, organisation_id: null,
    registered: false, says_on: false, proven: false, proven_at: null, missing_since: null,
    online: true, state_since: null, cause: null, recording: false, ptz_type: null, live: null,
  };
}

const NARROW = "(max-width: 767px)";
const SWIPE_PX = 60;

export interface WallOptions {
  api: Api;
  alarms: AlarmBook;
  mayOperate: boolean;
  root: HTMLElement;
  onInfo: (channel: Channel) => void;
  onReplay: (tile: Tile) => void;
}

export class WallView {
  private state: WallState = recall("wall", emptyWall(), isWallState);
  private readonly tiles = new Map<number, Tile>();
  private readonly narrow = window.matchMedia(NARROW);
  private showsBoxes = recall("boxes", true, isBoolean);
  private maximised: Tile | null = null;
  private touchX: number | null = null;

  constructor(private readonly options: WallOptions) {
    const { root, alarms } = options;
    for (const button of document.querySelectorAll<HTMLButtonElement>("[data-layout]")) {
      button.addEventListener("click", () => this.setLayout(Number(button.dataset["layout"]) as Layout));
    }
    this.narrow.addEventListener("change", () => void this.arrange());
    alarms.onChange(() => this.showAlarms());
    root.addEventListener("touchstart", (event) => { this.touchX = event.touches[0]?.clientX ?? null; },
      { passive: true });
    root.addEventListener("touchend", (event) => this.onSwipe(event.changedTouches[0]?.clientX ?? null));
    window.setInterval(() => { for (const tile of this.tiles.values()) tile.tick(); }, 1_000);
  }

  follow(events: EventStream): void {
    events.on("channel_status", (status, at) => {
      for (const tile of this.tiles.values()) tile.takeStatus(status, at);
    });
    events.on("live_status", (status) => {
      for (const tile of this.tiles.values()) tile.takeLive(status);
    });
    events.on("ptz_holder", ({ code, holder }) => {
      for (const tile of this.tiles.values()) tile.takeHolder(code, holder);
    });
    events.on("detections", (sample) => {
      for (const tile of this.tiles.values()) tile.takeDetections(sample);
    });
    events.onGap(() => void this.readAnew());
  }

  get focused(): Tile | null {
    return this.tiles.get(this.state.focus) ?? null;
  }

  /** Open what was open last time. */
  async start(): Promise<void> {
    await this.arrange();
  }

  /** Put a channel on the wall: where it is already, into a free tile, else into the focused one. */
  open(channel: Channel): void {
    const slot = slotFor(this.state, channel.code, this.visible());
    this.put(slot, channel);
    this.focus(slot);
  }

  async openCode(code: string, slot?: number): Promise<void> {
    const channel = await this.find(code);
    if (slot === undefined) this.open(channel);
    else this.put(slot, channel);
  }

  /** The channel, or a nameless one that lets its tile find out and say what is wrong with it. */
  private async find(code: string): Promise<Channel> {
    try {
      return await this.options.api.channel(code);
    } catch (error) {
      if (error instanceof Problem) return namelessChannel(code);
      throw error;
    }
  }

  setLayout(layout: Layout): void {
    this.maximise(null);
    this.change({ layout, focus: layout === 1 ? this.state.focus : Math.min(this.state.focus, layout - 1) });
    void this.arrange();
  }

  /** One size up or down. */
  stepLayout(step: 1 | -1): void {
    const next = LAYOUTS[LAYOUTS.indexOf(this.state.layout) + step];
    if (next !== undefined) this.setLayout(next);
  }

  /** Tile by its number, as the keys 1–9 mean it. */
  focusNumber(number: number): void {
    const slot = number - 1;
    if (this.visible().length === 1) {
      this.change({ focus: slot });
      void this.arrange().then(() => this.focus(slot));
    } else if (this.tiles.has(slot)) {
      this.focus(slot);
    }
  }

  /** The next picture where only one is on screen. */
  page(step: 1 | -1): void {
    this.focusNumber(neighbour(this.state, step) + 1);
  }

  closeFocused(): void {
    this.clear(this.state.focus);
  }

  toggleBoxes(): boolean {
    this.showsBoxes = !this.showsBoxes;
    remember("boxes", this.showsBoxes);
    for (const tile of this.tiles.values()) tile.setBoxes(this.showsBoxes);
    return this.showsBoxes;
  }

  get hasBoxes(): boolean {
    return this.showsBoxes;
  }

  /** One tile over the whole stage, or back. */
  maximise(tile: Tile | null): void {
    this.maximised?.element.classList.remove("tile-max");
    this.maximised = tile === this.maximised ? null : tile;
    this.maximised?.element.classList.add("tile-max");
    this.options.root.dataset["maximised"] = String(this.maximised !== null);
  }

  private visible(): number[] {
    return visibleSlots(this.state, this.narrow.matches);
  }

  private change(change: Partial<WallState>): void {
    this.state = { ...this.state, ...change };
    remember("wall", this.state);
  }

  /** Make the tiles on screen those of the state. */
  private async arrange(): Promise<void> {
    const visible = this.visible();
    const { root } = this.options;
    for (const [slot, tile] of this.tiles) {
      if (visible.includes(slot)) continue;
      tile.close();
      tile.element.remove();
      this.tiles.delete(slot);
    }
    for (const slot of visible) {
      if (this.tiles.has(slot)) continue;
      const tile = this.makeTile(slot);
      this.tiles.set(slot, tile);
    }
    root.append(...visible.map((slot) => this.tiles.get(slot)?.element).filter((e) => e !== undefined));
    root.dataset["tiles"] = String(visible.length);
    for (const button of document.querySelectorAll<HTMLElement>("[data-layout]")) {
      button.setAttribute("aria-pressed", String(Number(button.dataset["layout"]) === this.state.layout));
    }
    this.markFocus();
    await Promise.all(visible.map((slot) => this.fillSlot(slot)));
    this.showAlarms();
  }

  private async fillSlot(slot: number): Promise<void> {
    const code = this.state.codes[slot];
    if (code === null || code === undefined || this.tiles.get(slot)?.channel?.code === code) return;
    await this.openCode(code, slot);
  }

  private makeTile(slot: number): Tile {
    const tile = new Tile({
      api: this.options.api,
      mayOperate: this.options.mayOperate,
      number: slot + 1,
      onFocus: () => { this.change({ focus: slot }); this.markFocus(); },
      onMaximise: (which) => this.maximise(which),
      onInfo: this.options.onInfo,
      onReplay: (which) => this.options.onReplay(which),
      onDrop: (_, code) => void this.openCode(code, slot),
      onSwap: (_, from) => this.swap(from - 1, slot),
      onClose: () => this.clear(slot),
    });
    tile.setBoxes(this.showsBoxes);
    return tile;
  }

  private put(slot: number, channel: Channel): void {
    const codes = [...this.state.codes];
    codes[slot] = channel.code;
    this.change({ codes });
    this.tiles.get(slot)?.open(channel);
    this.showAlarms();
  }

  private clear(slot: number): void {
    const codes = [...this.state.codes];
    codes[slot] = null;
    this.change({ codes });
    const tile = this.tiles.get(slot);
    if (tile === this.maximised) this.maximise(null);
    tile?.close();
  }

  private swap(from: number, to: number): void {
    if (from === to) return;
    const [a, b] = [this.tiles.get(from), this.tiles.get(to)];
    const [first, second] = [a?.channel ?? null, b?.channel ?? null];
    this.state = swapped(this.state, from, to);
    this.change({});
    for (const [tile, channel] of [[a, second], [b, first]] as const) {
      if (channel === null) tile?.close();
      else tile?.open(channel);
    }
    this.focus(to);
    this.showAlarms();
  }

  private focus(slot: number): void {
    this.tiles.get(slot)?.element.focus({ preventScroll: true });
  }

  private markFocus(): void {
    for (const [slot, tile] of this.tiles) {
      tile.element.classList.toggle("tile-focus", slot === this.state.focus);
    }
  }

  private showAlarms(): void {
    for (const tile of this.tiles.values()) {
      if (tile.channel !== null) tile.showAlarm(this.options.alarms.activeOf(tile.channel.code) ?? null);
    }
  }

  /** After a gap in the events: what is known of each channel on the wall may be old. */
  private async readAnew(): Promise<void> {
    const open = [...this.tiles.values()].filter((tile) => tile.channel !== null);
    await attempt(() => Promise.all(open.map(async (tile) => {
      const fresh = await this.options.api.channel(tile.channel?.code ?? "");
      tile.takeStatus(fresh, fresh.state_since ?? "");
    })));
  }

  private onSwipe(x: number | null): void {
    const from = this.touchX;
    this.touchX = null;
    if (x === null || from === null || this.visible().length !== 1) return;
    if (Math.abs(x - from) > SWIPE_PX) this.page(x < from ? 1 : -1);
  }
}

