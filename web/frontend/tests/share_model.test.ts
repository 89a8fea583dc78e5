import { describe, expect, it } from "vitest";
import { ShareModel, type Placed } from "../components/share_model";
import type { Channel, NodeKind, TreeNode } from "../contract";
import type { Share } from "../platform_contract";

const NOTHING: Share = { everything: false, organisations: [], categories: [], channels: [], excluded: [] };

function node(id: string, kind: NodeKind, channel: Partial<Channel> | null = null): TreeNode {
  return { id, kind, name: id, parent: null, count: 1, online_count: 1, has_children: kind !== "channel",
    channel: channel as Channel | null };
}

/** A branch with its children in their places. */
function branch(id: string, kind: NodeKind, ...children: Placed[]): Placed {
  const own = node(id, kind);
  const place = (placed: Placed): Placed => ({ ...placed, above: [own, ...placed.above], below: placed.below?.map(place) ?? null });
  return { node: own, above: [], below: children.map(place) };
}

function leaf(code: string, category = "0101"): Placed {
  return { node: node(code, "channel", { code, device_id: "nvr", organisation_id: "mine", category_code: category }), above: [], below: null };
}

function mine(): Placed {
  return branch("mine", "organisation", branch("nvr", "device", leaf("a"), leaf("b", "1501")), branch("box", "device"));
}

function find(placed: Placed, id: string): Placed {
  const found = [placed, ...(placed.below ?? [])].find((one) => one.node.id === id)
    ?? placed.below?.map((one) => find(one, id)).find((one) => one.node.id === id);
  return found ?? placed;
}

describe("ticks", () => {
  it("come from above, from below, or from neither", () => {
    const root = mine();
    const model = new ShareModel({ ...NOTHING, organisations: ["nvr"] });
    expect(model.tick(find(root, "a"))).toBe("on");
    expect(model.tick(find(root, "nvr"))).toBe("on");
    expect(model.tick(find(root, "box"))).toBe("off");
    expect(model.tick(root)).toBe("part");
    expect(new ShareModel(NOTHING).tick(root)).toBe("off");
    expect(new ShareModel({ ...NOTHING, everything: true }).tick(root)).toBe("on");
  });

  it("of a channel come from its category in the other tree too", () => {
    const model = new ShareModel({ ...NOTHING, categories: ["15"] });
    expect(model.tick(find(mine(), "b"))).toBe("on");
    expect(model.tick(find(mine(), "a"))).toBe("off");
  });

  it("show that something inside is kept back", () => {
    const model = new ShareModel({ ...NOTHING, organisations: ["mine"], excluded: ["a"] });
    expect(model.tick(find(mine(), "a"))).toBe("off");
    expect(model.tick(find(mine(), "nvr"))).toBe("part");
    expect(model.tick(mine())).toBe("part");
  });
});

describe("clicks", () => {
  it("on a branch name it, and forget what was said about its inside", () => {
    const root = mine();
    const model = new ShareModel({ ...NOTHING, channels: ["a"], excluded: ["b"] });
    model.toggle(root, [root]);
    expect(model.share()).toEqual({ ...NOTHING, organisations: ["mine"] });
    model.toggle(root, [root]);
    expect(model.share()).toEqual(NOTHING);
  });

  it("inside a named branch name its other children instead", () => {
    const root = mine();
    const model = new ShareModel({ ...NOTHING, organisations: ["mine"] });
    model.toggle(find(root, "nvr"), [root]);
    expect(model.organisations).toEqual(new Set(["box"]));
    // Its channels hang in the organisation by their records as well, which is not named any more.
    expect(model.tick(find(root, "a"))).toBe("off");
  });

  it("take everything apart at the roots", () => {
    const [one, two] = [mine(), branch("other", "organisation")];
    const model = new ShareModel({ ...NOTHING, everything: true });
    model.toggle(one, [one, two]);
    expect(model.share()).toEqual({ ...NOTHING, organisations: ["other"] });
  });

  it("on a channel keep it back where something reaches it, and name it where nothing does", () => {
    const root = mine();
    const model = new ShareModel({ ...NOTHING, organisations: ["nvr"] });
    const a = find(root, "a");
    model.toggle(a, [root]);
    expect(model.share().excluded).toEqual(["a"]);
    model.toggle(a, [root]);
    expect(model.share()).toEqual({ ...NOTHING, organisations: ["nvr"] });
    const free = new ShareModel(NOTHING);
    free.toggle(a, [root]);
    expect(free.share().channels).toEqual(["a"]);
    expect(free.isEmpty).toBe(false);
    free.toggle(a, [root]);
    expect(free.isEmpty).toBe(true);
  });

  it("on a category give and take its two digits", () => {
    const root = branch("15", "category", leaf("b", "1501"));
    const model = new ShareModel(NOTHING);
    model.toggle(root, [root]);
    expect(model.share().categories).toEqual(["15"]);
    model.toggle(root, [root]);
    expect(model.share()).toEqual(NOTHING);
  });
});
