// The main job in one command: a shipped program over a shipped capture.
import { spawnSync } from "node:child_process";
import { existsSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const cli = join(root, "dist/tools/anybpf/main.js");
if (!existsSync(cli)) {
  const { status } = spawnSync("npm", ["run", "-s", "build"], { cwd: root, stdio: "inherit" });
  if (status !== 0) process.exit(status ?? 1);
}
const files = [
  "examples/xdp_firewall.bpf.o",
  "--pcap",
  "examples/traffic.pcap",
  "--maps",
  "examples/xdp_firewall.maps.json",
];
console.log(`$ npx anybpf run ${files.join(" ")}\n`);
const { status } = spawnSync(process.execPath, [cli, "run", ...files, ...process.argv.slice(2)], {
  cwd: root,
  stdio: "inherit",
});
process.exit(status ?? 1);
