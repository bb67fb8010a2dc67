// Draws docs/run.svg: the terminal after `anybpf run` over the shipped capture, colours and all. Run after a build.
import { spawnSync } from "node:child_process";
import { writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { stripVTControlCharacters } from "node:util";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const args = [
  "run",
  "examples/xdp_firewall.bpf.o",
  "--pcap",
  "examples/traffic.pcap",
  "--maps",
  "examples/xdp_firewall.maps.json",
  "--repeat",
  "200",
];
const { stdout } = spawnSync(process.execPath, ["dist/tools/anybpf/main.js", ...args], {
  cwd: root,
  encoding: "utf8",
  env: { ...process.env, FORCE_COLOR: "1" },
});
const lines = [`\u001b[1m$ npx anybpf ${args.join(" ")}\u001b[22m`, "", ...stdout.trimEnd().split("\n")];

const ESC = String.fromCharCode(27);
const COLOUR = new RegExp(`(${ESC}\\[\\d+m)`);
const COLOURS = { 31: "#ff7b72", 32: "#7ee787", 33: "#e3b341", 36: "#79c0ff" };
const WIDTH = Math.max(...lines.map((l) => stripVTControlCharacters(l).length));
const escapeXml = (text) => text.replaceAll("&", "&amp;").replaceAll("<", "&lt;").replaceAll(">", "&gt;");

/** One line of terminal output as tspans. */
function spans(line) {
  let style = "";
  return line
    .split(COLOUR)
    .map((part) => {
      const code = part.startsWith(ESC) ? part.slice(2, -1) : undefined;
      if (code === undefined) return part === "" ? "" : `<tspan${style}>${escapeXml(part)}</tspan>`;
      if (code === "1") style = ' font-weight="bold" fill="#ffffff"';
      else if (code === "2") style = ' fill="#8b949e"';
      else style = COLOURS[code] ? ` fill="${COLOURS[code]}"` : "";
      return "";
    })
    .join("");
}

const height = lines.length * 18 + 32;
const svg = `<svg xmlns="http://www.w3.org/2000/svg" width="${WIDTH * 8.43 + 32}" height="${height}" font-family="ui-monospace, Menlo, Consolas, monospace" font-size="14">
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
${lines.map((line, i) => `<text x="16" y="${i * 18 + 30}" fill="#c9d1d9" xml:space="preserve">${spans(line)}</text>`).join("\n")}
</svg>
`;
writeFileSync(join(root, "docs/run.svg"), svg);
