import { describe, expect, it, vi } from "vitest";
import { TreeModel } from "../components/tree_model";
import type { Channel, TreeNode } from "../contract";

const channel = { code: "1", online: true, proven: false, recording: false, state_since: "t0" } as Channel;

function node(id: string, kind: TreeNode["kind"], more: Partial<TreeNode> = {}): TreeNode {
  return { id, kind, name: id, parent: null, count: 1, online_count: 1, has_children: kind !== "channel", ...more };
}

function model(open: string[] = []) {
  const load = vi.fn((_by: string, parent: string | null) => Promise.resolve(parent === null
    ? [node("a", "organisation"), node("b", "organisation")]
    : [node("1", "channel", { channel: { ...channel } })]));
  return { tree: new TreeModel(load, "organisation", open), load };
}

describe("the tree", () => {
  it("loads a branch when it is opened, once", async () => {
    const { tree, load } = model();
    await tree.refresh();
    const [first] = tree.rows();
    await tree.expand(first!.node);
    tree.collapse(first!.node);
    await tree.expand(first!.node);
    expect(tree.rows().map((row) => [row.node.id, row.depth])).toEqual([["a", 0], ["1", 1], ["b", 0]]);
    expect(load).toHaveBeenCalledTimes(2);
  });

  it("comes back as it was left", async () => {
    const { tree } = model(["organisation:b"]);
    await tree.refresh();
    expect(tree.rows().map((row) => row.node.id)).toEqual(["a", "b", "1"]);
  });

  it("takes in a channel's status and since when", async () => {
    const { tree } = model(["organisation:a"]);
    await tree.refresh();
    const status = { code: "1", device_id: "d", online: false, registered: true, says_on: false, proven: true, cause: "x" };
    expect(tree.apply(status, "t1")).toBe(true);
    expect(tree.rows()[1]?.node.channel).toMatchObject({ online: false, proven: true, state_since: "t1", recording: false });
    expect(tree.apply({ ...status, code: "9" }, "t2")).toBe(false);
  });
});
