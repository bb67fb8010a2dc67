import pc from "picocolors";

/** Colours on a terminal only: not in a pipe (CI or not), and not with NO_COLOR; FORCE_COLOR is for pictures. */
export const colours = pc.createColors(
  !("NO_COLOR" in process.env) &&
    ("FORCE_COLOR" in process.env || (process.stdout.isTTY === true && process.env.TERM !== "dumb")),
);
