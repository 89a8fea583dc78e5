/** Calls about upper platforms. */

import { listOf, search, type Api, type Query } from "./api";
import type {
  CodeImport, CodePage, FindingPage, Platform, PlatformDraft, PrefixRule, PreviewPage, Share,
} from "./platform_contract";

export class PlatformApi {
  constructor(private readonly api: Api) {}

  async list(): Promise<Platform[]> { return listOf(await this.api.ask("GET", "/platforms")); }
  one(id: string): Promise<Platform> { return this.api.ask("GET", `/platforms/${id}`); }
  add(draft: PlatformDraft): Promise<Platform> { return this.api.ask("POST", "/platforms", draft); }
  change(id: string, change: Partial<PlatformDraft>): Promise<Platform> {
    return this.api.ask("PATCH", `/platforms/${id}`, change);
  }
  remove(id: string): Promise<void> { return this.api.ask("DELETE", `/platforms/${id}`); }
  register(id: string): Promise<Platform> { return this.api.ask("POST", `/platforms/${id}/register`, {}); }

  share(id: string): Promise<Share> { return this.api.ask("GET", `/platforms/${id}/share`); }
  setShare(id: string, share: Share): Promise<Share> { return this.api.ask("PUT", `/platforms/${id}/share`, share); }

  preview(id: string, query: Query): Promise<PreviewPage> {
    return this.api.ask("GET", `/platforms/${id}/preview${search(query)}`);
  }
  findings(id: string, query: Query): Promise<FindingPage> {
    return this.api.ask("GET", `/platforms/${id}/lint${search(query)}`);
  }

  codes(id: string, query: Query): Promise<CodePage> {
    return this.api.ask("GET", `/platforms/${id}/codes${search(query)}`);
  }
  setRules(id: string, rules: PrefixRule[]): Promise<CodePage> {
    return this.api.ask("PATCH", `/platforms/${id}/codes`, { rules });
  }
  /** Null takes the given code back. */
  giveCode(id: string, ours: string, theirs: string | null): Promise<CodePage> {
    return this.api.ask("PATCH", `/platforms/${id}/codes`, { codes: [{ ours, theirs }] });
  }
  importCodes(id: string, file: Blob): Promise<CodeImport> {
    return this.api.ask("PUT", `/platforms/${id}/codes.csv`, file);
  }
}
