// Who may import whom (docs/architecture.md). Run by `npm run layers`, which also asserts that modules were seen.
const K = "^src/kernel/";

/** A room may import only from itself and the rooms named. Tests beside the code may import anything. */
function room(name, path, allowed) {
  return {
    name: `layer-${name}`,
    severity: "error",
    from: { path: `^${path}/`, pathNot: "\\.test\\.ts$" },
    to: { path: "^src/", pathNot: [path, ...allowed].map((p) => `^${p}(/|\\.ts$)`) },
  };
}

const S = (...names) => names.map((n) => `src/${n}`);
const KR = (...names) => names.map((n) => `src/kernel/${n}`);

module.exports = {
  forbidden: [
    {
      name: "no-circular",
      comment:
        "A cycle of types alone is no cycle at run time: the verifier's Env names its passes, and they take it.",
      severity: "error",
      from: {},
      to: { circular: true, viaOnly: { dependencyTypesNot: ["type-only"] } },
    },
    room("uapi", "src/uapi", []),
    room("isa", "src/isa", S("uapi")),
    room("btf", "src/btf", S("uapi")),
    room("mem", "src/kernel/mem", S("uapi")),
    room("prog", "src/kernel/prog", [...S("uapi", "isa", "btf")]),
    room("verifier", "src/kernel/verifier", [...S("uapi", "isa", "btf"), ...KR("prog", "error")]),
    room("interp", "src/kernel/interp", [...S("uapi", "isa"), ...KR("prog", "mem", "error")]),
    room("jit", "src/kernel/jit", [...S("uapi", "isa"), ...KR("prog", "mem", "error", "maps/layout")]),
    room("dataplane", "src/kernel/dataplane", KR("mem", "maps", "helpers", "net", "error")),
    room("maps", "src/kernel/maps", [...S("uapi", "isa", "btf"), ...KR("prog", "mem", "dataplane", "error")]),
    room("helpers", "src/kernel/helpers", [
      ...S("uapi", "isa", "btf"),
      ...KR("prog", "mem", "dataplane", "maps", "net", "error"),
    ]),
    room("net", "src/kernel/net", [
      ...S("uapi", "isa", "btf"),
      ...KR("prog", "mem", "dataplane", "maps", "error"),
    ]),
    room("lib", "src/lib", S("uapi", "isa", "btf", "transport")),
    room("tools", "src/tools", S("uapi", "isa", "btf", "transport", "lib", "version")),
    {
      name: "kernel-door",
      comment: "Only transport/in_process and the public entry open kernel/kernel.ts.",
      severity: "error",
      from: {
        path: "^src/",
        pathNot: [K, "^src/transport/in_process\\.ts$", "^src/index\\.ts$", "\\.test\\.ts$"],
      },
      to: { path: K },
    },
    {
      name: "node-only-in-tools",
      comment: "The rest must run unchanged in a browser.",
      severity: "error",
      from: { path: "^src/", pathNot: ["^src/tools/", "^src/transport/(socket|host)/", "\\.test\\.ts$"] },
      to: { dependencyTypes: ["core"] },
    },
  ],
  options: {
    tsPreCompilationDeps: true,
    tsConfig: { fileName: "tsconfig.json" },
    doNotFollow: { path: "node_modules" },
    enhancedResolveOptions: { extensions: [".ts", ".mjs", ".js"] },
  },
};
