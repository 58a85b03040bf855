import type { DownloadTools } from "../download/download.ts";
import type { Digest } from "../model.ts";
import type { FetchOptions } from "../store.ts";
import type { Layout } from "../store/layout.ts";
import type { Manifest } from "../store/manifest.ts";

/** What a source works with. */
export interface SourceTools extends DownloadTools {
  readonly layout: Layout;
  readonly options: FetchOptions;
}

/** What it takes to ask a source about a model, and fetch nothing. */
export type AskTools = Pick<SourceTools, "context" | "http" | "options">;

/** One file of a snapshot, in the pool of blobs by now. */
export interface SnapshotFile {
  /** Its name in the snapshot's folder. */
  readonly path: string;
  readonly digest: Digest;
  readonly bytes: number;
}

/** What a source has put into the pool of blobs; nothing is visible yet. */
export type Acquired =
  | {
      readonly kind: "gguf";
      readonly weights: { readonly digest: Digest; readonly bytes: number };
      readonly fileStamp?: string;
    }
  | {
      readonly kind: "ollama";
      readonly manifest: Manifest;
      /** As the registry sent it, byte for byte. */
      readonly bytes: Buffer;
    }
  | {
      readonly kind: "snapshot";
      readonly files: readonly SnapshotFile[];
      readonly fileStamp?: string;
    };
