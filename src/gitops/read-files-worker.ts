/** The thread that `readFiles` starts: reads the files it was given, one after the other, and says of each what it holds. */
import { parentPort, workerData } from "node:worker_threads";
import type { Manifest } from "../model/manifest.ts";
import { type ManifestFault, type Position, readManifests } from "./manifests.ts";

export interface FileText {
  /** from the repository's root */
  path: string;
  text: string;
}

/** A manifest and where its document begins, as plain data, because it goes to another thread. */
interface PlacedManifest {
  manifest: Manifest;
  position: Position;
}

export interface ReadFile {
  manifests: PlacedManifest[];
  faults: ManifestFault[];
}

for (const { path, text } of workerData as FileText[]) {
  const { manifests, faults } = readManifests(path, text);
  const read: ReadFile = { manifests: manifests.map(({ manifest, positionOf }) => ({ manifest, position: positionOf() })), faults };
  parentPort?.postMessage(read);
}
