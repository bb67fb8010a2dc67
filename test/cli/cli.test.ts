import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { PcapReader } from "../../src/lib/pcap/reader.ts";
import { VERSION } from "../../src/version.ts";

const root = join(dirname(fileURLToPath(import.meta.url)), "../..");
const CLI = join(root, "dist/tools/anybpf/main.js");
const FIREWALL = join(root, "examples/xdp_firewall.bpf.o");
const COUNT = join(root, "examples/tc_count.bpf.o");
const DNS = join(root, "examples/socket_dns.bpf.o");
const TRAFFIC = join(root, "examples/traffic.pcap");
const MAPS = join(root, "examples/xdp_firewall.maps.json");
let scratch: string;

beforeAll(() => {
  // The command line is tested as built: `npm test` builds first.
  if (!existsSync(CLI)) throw new Error("dist/ is missing: run `npm run build` before these tests");
  scratch = mkdtempSync(join(tmpdir(), "anybpf-cli-"));
});
afterAll(() => rmSync(scratch, { recursive: true, force: true }));

function anybpf(args: string[], input?: string | Uint8Array) {
  const { status, stdout, stderr } = spawnSync(process.execPath, [CLI, ...args], {
    encoding: "buffer",
    maxBuffer: 1 << 28,
    // CI must not turn colours on.
    env: { ...process.env, CI: "true" },
    ...(input === undefined
      ? { stdio: ["ignore", "pipe", "pipe"] as const }
      : { input: Buffer.from(input as Uint8Array) }),
  });
  return { status, stdout: stdout.toString(), stderr: stderr.toString(), bytes: stdout };
}

/** A failure that a user can act on: one line, no stack, exit status 1. */
function expectOneLine(
  result: { status: number | null; stdout: string; stderr: string },
  text: string | RegExp,
): void {
  expect(result.stderr).toMatch(text);
  expect(result.stderr.trimEnd().split("\n")).toHaveLength(1);
  expect(result.stderr).not.toContain("    at ");
  expect(result.status).toBe(1);
}

function packets(bytes: Uint8Array): Uint8Array[] {
  const reader = new PcapReader("out");
  reader.push(bytes);
  const all: Uint8Array[] = [];
  while (reader.next()) all.push(reader.bytes.slice(reader.start, reader.end));
  reader.finish();
  return all;
}

describe("anybpf run", () => {
  test("--json prints one object with everything", () => {
    const { status, stdout } = anybpf([
      "run",
      FIREWALL,
      "--pcap",
      TRAFFIC,
      "--maps",
      MAPS,
      "--json",
      "--per-packet",
    ]);
    expect(status).toBe(0);
    const report = JSON.parse(stdout);
    expect(report.program).toMatchObject({ name: "xdp_firewall", section: "xdp", type: "xdp", insns: 71 });
    expect(report.program.tag).toMatch(/^[0-9a-f]{16}$/);
    expect(report).toMatchObject({
      engine: "jit",
      packets: 1000,
      bytes: 260055,
      verdicts: { XDP_PASS: 783, XDP_DROP: 217 },
    });
    expect(report.ns_per_packet).toBeGreaterThan(0);
    expect(report.results).toHaveLength(1000);
    expect(report.results.filter((r: { verdict: string }) => r.verdict === "XDP_DROP")).toHaveLength(217);
    expect(report.maps.block_list).toContainEqual({
      key: { length: 16, address: [10, 1, 0, 0] },
      value: { action: 1, id: 1, hits: 195 },
    });
  });

  test.each([
    [FIREWALL, [] as string[]],
    [COUNT, []],
    [DNS, []],
    [join(root, "examples/tc_nat.bpf.o"), []],
    [join(root, "examples/xdp_jump_table.bpf.o"), []],
  ])("interpreter and compiled code agree on %s", (object) => {
    const args = ["run", object, "--pcap", TRAFFIC, "--json", "--per-packet"];
    const compiled = JSON.parse(anybpf(args).stdout);
    const interpreted = JSON.parse(anybpf([...args, "--interp"]).stdout);
    expect(interpreted.engine).toBe("interp");
    for (const key of ["verdicts", "results", "bytes"]) expect(interpreted[key]).toEqual(compiled[key]);
    // A hash map's order depends on its seed.
    const sorted = (maps: Record<string, object[]>) =>
      Object.entries(maps).map(([name, entries]) => [name, entries.map((e) => JSON.stringify(e)).sort()]);
    expect(sorted(interpreted.maps)).toEqual(sorted(compiled.maps));
  });

  test("people get a table without escapes in a pipe", () => {
    const { status, stdout } = anybpf(["run", FIREWALL, "--pcap", TRAFFIC]);
    expect(status).toBe(0);
    expect(stdout).toContain("1,000 packets, 260,055 bytes");
    expect(stdout).toMatch(/XDP_PASS\s+\d+\s+\d+\.\d/);
    // biome-ignore lint/suspicious/noControlCharactersInRegex: escapes are what must not be there
    expect(stdout).not.toMatch(/\u001b/);
  });

  test("--out writes what passed; a pipe and gzip serve as well as a file", () => {
    const out = join(scratch, "passed.pcap");
    expect(anybpf(["run", FIREWALL, "--pcap", TRAFFIC, "--maps", MAPS, "--out", out]).status).toBe(0);
    const passed = packets(readFileSync(out));
    expect(passed).toHaveLength(783);
    const piped = anybpf(
      ["run", FIREWALL, "--pcap", "-", "--maps", MAPS, "--out", "-"],
      readFileSync(TRAFFIC),
    );
    expect(packets(piped.bytes)).toEqual(passed);
    expect(piped.stderr).toContain("1,000 packets");
    const zipped = anybpf(["run", FIREWALL, "--pcap", "-", "--json"], gzipSync(readFileSync(TRAFFIC)));
    expect(JSON.parse(zipped.stdout).packets).toBe(1000);
  });

  test("--repeat runs the capture again; maps go on counting", () => {
    const { stdout } = anybpf(["run", COUNT, "--pcap", TRAFFIC, "--repeat", "3", "--json"]);
    expect(JSON.parse(stdout)).toMatchObject({ packets: 3000, verdicts: { TC_ACT_OK: 3000 } });
  });

  test("bad input: one line, and no half-written output", () => {
    expectOneLine(anybpf(["run", join(scratch, "nothing.o"), "--pcap", TRAFFIC]), /nothing\.o: no such file/);
    expectOneLine(
      anybpf(["run", FIREWALL, "--pcap", join(scratch, "nothing.pcap")]),
      /nothing\.pcap: no such file/,
    );
    expectOneLine(
      anybpf(["run", FIREWALL, "--pcap", TRAFFIC, "--prog", "none"]),
      /no program 'none'; found: xdp_firewall \(xdp\)/,
    );
    const broken = join(scratch, "broken.pcap");
    writeFileSync(broken, readFileSync(TRAFFIC).subarray(0, 100_001));
    const out = join(scratch, "half.pcap");
    expectOneLine(
      anybpf(["run", FIREWALL, "--pcap", broken, "--out", out]),
      /broken\.pcap: offset \d+: expected a whole packet/,
    );
    expect(readdirSync(scratch).filter((name) => name.startsWith("half"))).toEqual([]);
    for (const size of [0, 3, 40, 64, 1000, 5000]) {
      const object = join(scratch, "cut.o");
      writeFileSync(object, readFileSync(FIREWALL).subarray(0, size));
      expectOneLine(anybpf(["run", object, "--pcap", TRAFFIC]), /cut\.o: /);
    }
    const wifi = Buffer.from(readFileSync(TRAFFIC));
    wifi.writeUInt32LE(105, 20);
    expectOneLine(anybpf(["run", FIREWALL, "--pcap", "-"], wifi), /link type IEEE802_11; only ETHERNET/);
  });
});

describe("anybpf verify", () => {
  test("accepts the examples", () => {
    for (const object of [FIREWALL, COUNT, DNS]) {
      const { status, stdout } = anybpf(["verify", object]);
      expect(stdout).toMatch(/^accepted {2}\w+ \(\w+, section \w+\): \d+ instructions, \d+ processed\n/);
      expect(status).toBe(0);
    }
  });

  test("--json has the log", () => {
    const { stdout } = anybpf(["verify", FIREWALL, "--json", "--log-level", "2"]);
    const [program] = JSON.parse(stdout).programs;
    expect(program).toMatchObject({ name: "xdp_firewall", verdict: "accept", errno: 0 });
    expect(program.log).toContain("0: R1=ctx() R10=fp0");
    expect(program.insns_processed).toBeGreaterThan(60);
  });
});

describe("anybpf check", () => {
  const RETURN_2 = { prog_type: "xdp", insns: "b7000000020000009500000000000000" };

  test("answers a line at a time, whatever the lines are", () => {
    const lines = [
      JSON.stringify({ ...RETURN_2, name: "ok", runs: [{ data_in: "00".repeat(64) }] }),
      "not json",
      JSON.stringify({ ...RETURN_2, surprise: 1 }),
      JSON.stringify({ prog_type: "xdp", insns: "9500000000000000" }),
      JSON.stringify({ prog_type: "socket", insns: "" }),
      JSON.stringify(7),
    ];
    const { status, stdout } = anybpf(["check", "-"], `${lines.join("\n")}\n`);
    expect(status).toBe(0);
    const results = stdout
      .trimEnd()
      .split("\n")
      .map((line) => JSON.parse(line));
    expect(results).toHaveLength(lines.length);
    expect(results[0]).toMatchObject({
      name: "ok",
      verdict: "accept",
      errno: 0,
      runs: [{ errno: 0, retval: 2, data_size_out: 64 }],
    });
    expect(results[1].setup_error).toMatch(/^malformed test/);
    expect(results[2].setup_error).toBe('unsupported key "surprise" in the test');
    expect(results[3]).toMatchObject({ verdict: "reject", errno: 13, errname: "EACCES" });
    expect(results[3].log).toContain("R0 !read_ok");
    expect(results[3].stats).toMatchObject({ insns_processed: 1 });
    expect(results[4].setup_error).toBe('unknown prog_type "socket"');
    expect(results[5].verdict).toBe("error");
  });

  test("options: level, scrub, name, no log, xlated", () => {
    const line = `${JSON.stringify({ ...RETURN_2, name: "one" })}\n${JSON.stringify({ ...RETURN_2, name: "two" })}\n`;
    const only = anybpf(["check", "--name", "^two$", "-l", "2", "--xlated", "-"], line)
      .stdout.trimEnd()
      .split("\n");
    expect(only).toHaveLength(1);
    const result = JSON.parse(only[0] ?? "");
    expect(result).toMatchObject({ name: "two", xlated: RETURN_2.insns });
    expect(result.log).toContain("Live regs before insn:");
    expect(JSON.parse(anybpf(["check", "--no-log", "--index", "0", "-"], line).stdout)).not.toHaveProperty(
      "log",
    );
  });
});

describe("anybpf", () => {
  test("--version, help, completion, disasm", () => {
    expect(anybpf(["--version"]).stdout).toBe(`${VERSION}\n`);
    expect(JSON.parse(readFileSync(join(root, "package.json"), "utf8")).version).toBe(VERSION);
    expect(anybpf(["help"]).stdout).toContain("run [options] <object>");
    expect(anybpf(["completion", "bash"]).stdout).toContain("anybpf");
    expect(anybpf(["complete", "--", "ver"]).stdout).toContain("verify");
    expect(anybpf(["disasm", FIREWALL]).stdout).toMatch(
      /xdp_firewall \(section xdp\):\n {4}0: \([0-9a-f]{2}\) r\d+ = /,
    );
  });

  test("wrong words: what is wrong, and exit status 1", () => {
    expect(anybpf(["run", FIREWALL]).stderr).toContain("required option '--pcap <file>' not specified");
    expect(anybpf(["run", FIREWALL, "--pcap", TRAFFIC, "--repeat", "0"]).stderr).toContain(
      "expected a whole number of at least 1",
    );
    expect(anybpf(["frobnicate"]).status).toBe(1);
  });
});
