import { defineConfig } from "vitest/config";

// vitest reads its configuration from the default export; nothing else in the project has one.
// biome-ignore lint/style/noDefaultExport: see above
export default defineConfig({
  test: {
    include: ["src/**/*.test.ts", "test/**/*.test.ts"],
    pool: "threads",
    maxWorkers: 2,
    testTimeout: 60_000,
  },
});
