/** Reads a Dockerfile, so that tests can do what it does without Docker. */

/** `FROM … AS stage`; the last stage may have no name. Each instruction on one line, comments gone. */
export interface Stage {
  name: string;
  instructions: { word: string; rest: string }[];
}

export function readStages(dockerfile: string): Stage[] {
  const text = dockerfile.replaceAll(/^#.*\n/gm, "").replaceAll(/\\\n/g, " ");
  const stages: Stage[] = [];
  for (const line of text.split("\n")) {
    const [, word = "", rest = ""] = /^([A-Z]+) +(.*)$/.exec(line) ?? [];
    if (word === "FROM") stages.push({ name: / AS (\S+)$/.exec(rest)?.[1] ?? "", instructions: [] });
    else if (word !== "") stages.at(-1)?.instructions.push({ word, rest });
  }
  return stages;
}

/** The `RUN` lines of a stage, as shell. */
export function commandsOf(stages: Stage[], name: string): string[] {
  const stage = stages.find((candidate) => candidate.name === name);
  return (stage?.instructions ?? []).filter(({ word }) => word === "RUN").map(({ rest }) => rest);
}

/** What is copied out of the repository, by all stages or by one. */
export function copiesOf(stages: Stage[], name?: string): { sources: string[]; target: string }[] {
  return stages
    .filter((stage) => name === undefined || stage.name === name)
    .flatMap(({ instructions }) => instructions)
    .filter(({ word, rest }) => word === "COPY" && !rest.includes("--from="))
    .map(({ rest }) => rest.split(/\s+/).filter((part) => !part.startsWith("--")))
    .map((parts) => ({ sources: parts.slice(0, -1), target: parts.at(-1) ?? "" }));
}
