import { describe, expect, it, vi } from "vitest";
import { Api, listOf, Problem, search } from "../api";

function api(answer: () => Response | Promise<Response>, onSignedOut = vi.fn()) {
  const fetch = vi.fn((_url: RequestInfo | URL, _init?: RequestInit) => Promise.resolve(answer()));
  return { api: new Api({ fetch, language: "zh", onSignedOut }), fetch, onSignedOut };
}

function json(body: unknown, status = 200, headers: Record<string, string> = {}): Response {
  return new Response(JSON.stringify(body), {
    status, headers: { "Content-Type": "application/json", ...headers },
  });
}

async function failure(work: Promise<unknown>): Promise<Problem> {
  const error = await work.then(() => null, (reason: unknown) => reason);
  expect(error).toBeInstanceOf(Problem);
  return error as Problem;
}

describe("the API client", () => {
  it("asks in the reader's language and leaves empty filters out", async () => {
    const { api: client, fetch } = api(() => json({ items: [], total: 0, page: 1, size: 50 }));
    await client.channels({ q: "井口", online: true, device: "", page: null });
    const [url, init] = fetch.mock.calls[0] ?? [];
    expect(url).toBe("/api/v1/channels?q=%E4%BA%95%E5%8F%A3&online=true");
    expect(init?.headers).toMatchObject({ "Accept-Language": "zh" });
    expect(init?.credentials).toBe("same-origin");
  });

  it("sends JSON with every change", async () => {
    const { api: client, fetch } = api(() => json({}));
    await client.clear("7", "已处理");
    const [url, init] = fetch.mock.calls[0] ?? [];
    expect(url).toBe("/api/v1/alarms/7/clear");
    expect(init).toMatchObject({ method: "POST", body: '{"note":"已处理"}' });
    expect(init?.headers).toMatchObject({ "Content-Type": "application/json" });
  });

  it("escapes what it puts into addresses", async () => {
    const { api: client, fetch } = api(() => json({}));
    await client.channel("../users?x");
    expect(fetch.mock.calls[0]?.[0]).toBe("/api/v1/channels/..%2Fusers%3Fx");
  });

  it("tells problems in the server's words", async () => {
    const body = { code: "device_exists", title: "该设备已存在", detail: "请换一个编号。" };
    const { api: client } = api(() => json(body, 409, { "Content-Type": "application/problem+json" }));
    expect(await failure(client.device("1"))).toMatchObject({ status: 409, ...body });
  });

  it("names what is wrong with single values instead of pointing at a list nobody sees", async () => {
    const errors = [{ place: "body", field: "password", detail: "至少 8 个字符" }];
    const { api: client } = api(() => json({ code: "invalid_request", detail: "见 errors", errors }, 400));
    expect((await failure(client.device("1"))).detail).toBe("至少 8 个字符");
  });

  it("survives answers that are no JSON", async () => {
    const { api: client } = api(() => new Response("<h1>Bad Gateway</h1>", { status: 502 }));
    expect(await failure(client.system())).toMatchObject({ status: 502, code: "http_502" });
  });

  it("says how long a locked account has to wait", async () => {
    const { api: client } = api(() => json({ code: "locked_out", retry_after_s: 42 }, 429));
    expect((await failure(client.login("a", "b"))).retryAfterS).toBe(42);
    const { api: other } = api(() => json({ code: "locked_out" }, 429, { "Retry-After": "9" }));
    expect((await failure(other.login("a", "b"))).retryAfterS).toBe(9);
  });

  it("leads to the login page when the session is over, but not from the login itself", async () => {
    const over = api(() => json({ code: "unauthenticated" }, 401));
    await failure(over.api.system());
    expect(over.onSignedOut).toHaveBeenCalledOnce();
    const login = api(() => json({ code: "wrong_credentials" }, 401));
    await failure(login.api.login("a", "b"));
    expect(login.onSignedOut).not.toHaveBeenCalled();
  });

  it("tells a dead network and a time-out apart", async () => {
    const dead = api(() => Promise.reject(new TypeError("failed to fetch")));
    expect(await failure(dead.api.system())).toMatchObject({ status: 0, code: "unreachable" });
    const slow = api(() => Promise.reject(new DOMException("late", "TimeoutError")));
    expect(await failure(slow.api.system())).toMatchObject({ status: 0, code: "timeout" });
  });

  it("takes 204 for done", async () => {
    const { api: client } = api(() => new Response(null, { status: 204 }));
    await expect(client.deleteDevice("1")).resolves.toBeUndefined();
  });
});

describe("lists and queries", () => {
  it("reads lists however they are wrapped", () => {
    expect(listOf([1])).toEqual([1]);
    expect(listOf({ items: [1, 2] })).toEqual([1, 2]);
    expect(listOf(null)).toEqual([]);
  });

  it("writes no question mark without a query", () => {
    expect(search({ q: "", page: undefined })).toBe("");
    expect(search({ online: false, page: 2 })).toBe("?online=false&page=2");
  });
});
