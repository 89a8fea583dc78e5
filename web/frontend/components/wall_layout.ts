/** Which channel belongs into which slot, and which slots are on screen: the wall without its looks. */

export const SLOTS = 9;
export const LAYOUTS = [1, 4, 9] as const;
export type Layout = (typeof LAYOUTS)[number];

export interface WallState {
  layout: Layout;
  focus: number;
  codes: (string | null)[];
}

export function emptyWall(): WallState {
  return { layout: 4, focus: 0, codes: Array.from({ length: SLOTS }, () => null) };
}

/** Whether a remembered value is a wall; anything else starts afresh. */
export function isWallState(value: unknown): value is WallState {
  if (typeof value !== "object" || value === null) return false;
  const { layout, focus, codes } = value as Partial<WallState>;
  return LAYOUTS.some((known) => known === layout)
    && Number.isInteger(focus) && (focus ?? -1) >= 0 && (focus ?? SLOTS) < SLOTS
    && Array.isArray(codes) && codes.length === SLOTS
    && codes.every((code) => code === null || typeof code === "string");
}

/** The slots on screen: the first ones, or for a single tile the one in focus. */
export function visibleSlots(state: WallState, isNarrow: boolean): number[] {
  const layout = isNarrow ? 1 : state.layout;
  if (layout === 1) return [state.focus];
  return Array.from({ length: layout }, (_, slot) => slot);
}

/** Where a channel that was asked for goes: where it is, else the first free slot, else the focus. */
export function slotFor(state: WallState, code: string, visible: readonly number[]): number {
  const shown = visible.find((slot) => state.codes[slot] === code);
  if (shown !== undefined) return shown;
  const focused = visible.includes(state.focus) ? state.focus : (visible[0] ?? 0);
  if (state.codes[focused] === null) return focused;
  return visible.find((slot) => state.codes[slot] === null) ?? focused;
}

/** The next slot with a picture, going round; the same when there is no other. */
export function neighbour(state: WallState, step: 1 | -1): number {
  for (let distance = 1; distance < SLOTS; distance += 1) {
    const slot = (state.focus + step * distance + SLOTS * distance) % SLOTS;
    if (state.codes[slot] !== null) return slot;
  }
  return state.focus;
}

/** The wall after two slots changed places. */
export function swapped(state: WallState, a: number, b: number): WallState {
  const codes = [...state.codes];
  [codes[a], codes[b]] = [codes[b] ?? null, codes[a] ?? null];
  return { ...state, codes, focus: b };
}
