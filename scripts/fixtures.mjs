// Compiles our own C (examples/*.bpf.c and test/fixtures/*.bpf.c) into the .o files that are committed beside it.
// Only needed when the C changes; needs clang and the kernel's UAPI headers (Debian: clang-19, linux-libc-dev).
//
//   npm run fixtures [-- NAME ...]        CLANG=clang-19 unless set
import { spawnSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { basename, dirname, join, relative } from "node:path";
import { fileURLToPath } from "node:url";

const root = join(dirname(fileURLToPath(import.meta.url)), "..");
const clang = process.env.CLANG ?? "clang-19";
const wanted = process.argv.slice(2);

// <linux/types.h> includes <asm/types.h>, which Debian keeps under the machine's triplet.
const asm = ["/usr/include/x86_64-linux-gnu", "/usr/include/aarch64-linux-gnu"].filter((dir) =>
  existsSync(dir),
);

let failed = 0;
for (const dir of ["examples", "test/fixtures"]) {
  for (const name of readdirSync(join(root, dir)).sort()) {
    if (!name.endsWith(".bpf.c") || (wanted.length > 0 && !wanted.includes(basename(name, ".bpf.c"))))
      continue;
    const source = join(root, dir, name);
    const object = source.replace(/\.c$/, ".o");
    // A first line such as `/* flags: -mcpu=v4 */` adds to the command.
    const extra = /\/\* flags: (.*) \*\//.exec(readFileSync(source, "utf8"))?.[1]?.split(" ") ?? [];
    const args = ["-O2", "-g", "-Wall", "-Werror", "-target", "bpf"];
    args.push(...extra);
    // The same bytes wherever the checkout lies.
    args.push(`-ffile-prefix-map=${join(root, dir)}=.`, "-fdebug-compilation-dir=.");
    args.push("-I", join(root, "examples/include"), ...asm.flatMap((path) => ["-I", path]));
    const { status, stderr, error } = spawnSync(clang, [...args, "-c", name, "-o", object], {
      cwd: join(root, dir),
      encoding: "utf8",
    });
    if (status !== 0) {
      failed++;
      console.error(error === undefined ? stderr : `${clang}: ${error.message}`);
    } else {
      console.log(relative(root, object));
    }
  }
}
if (failed > 0) process.exit(1);
