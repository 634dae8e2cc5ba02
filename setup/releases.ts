/** A file that the image downloads, and the build argument that must hold its SHA-256. */
export interface Release {
  url: string;
  argument: string;
}

/** The downloads that a Dockerfile pins: each URL that ends in .tar.gz with the next `${…_SHA256}` after it, its ARG defaults filled in. */
export function releasesIn(dockerfile: string, given: Record<string, string | undefined> = {}): Release[] {
  const defaults = Object.fromEntries([...dockerfile.matchAll(/^ARG (\w+)=(\S+)$/gm)].map(([, name, value]) => [name ?? "", value]));
  const fill = (text: string) =>
    text.replaceAll(/\$\{(\w+)\}/g, (_, name: string) => {
      const value = given[name] ?? defaults[name];
      if (value === undefined) throw new Error(`The Dockerfile gives ${name} no default: set it in the environment.`);
      return value;
    });
  return [...dockerfile.matchAll(/"(https:\/\/\S+\.tar\.gz)"[\s\S]*?\$\{(\w+_SHA256)\}/g)].map(([, url = "", argument = ""]) => ({
    url: fill(url),
    argument,
  }));
}
