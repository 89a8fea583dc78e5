import { resolve } from "node:path";
import { defineConfig } from "vitest/config";

const PAGES = ["wall", "login", "alarms", "devices", "broadcasts", "platforms", "access", "system"];

/** One entry per page; the manifest tells the templates the hashed names. */
export default defineConfig({
  base: "/static/dist/",
  build: {
    outDir: resolve(import.meta.dirname, "../static/dist"),
    emptyOutDir: true,
    manifest: "manifest.json",
    target: "es2022",
    // The polyfill is an inline script in disguise and every supported browser preloads modules.
    modulePreload: { polyfill: false },
    // data: URLs would need an exception in the content security policy.
    assetsInlineLimit: 0,
    rollupOptions: { input: PAGES.map((page) => resolve(import.meta.dirname, `${page}.ts`)) },
  },
  test: { environment: "node", include: ["tests/**/*.test.ts"] },
});
