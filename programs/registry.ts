import type { Program } from "./program.ts";
import { roleProgram } from "./role.ts";

/** Which program makes which kind. The runner looks a spec's kind up here and nowhere else. */
export const programs: { role: Program<"role"> } = {
  role: roleProgram,
};
