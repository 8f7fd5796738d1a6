/** File of the work folder that holds the runs; the task output names it. */
export const RUNS_FILE = 'runs.json';

/** One input of a cut: a file, or a list of segments that are read as one file. Names are relative to the work folder. */
export interface RunInput {
  name: string;
  /** Demuxer of a list; null = a plain file. */
  listFormat: 'mpegts' | 'mov' | null;
  /** The list without the sound tail, for a stream copy of whole segments; null = `name`. */
  wholeName: string | null;
  /** Plain file that may be entered at a key frame. */
  seekable: boolean;
  /** Where the container's clock starts, microseconds: `-ss` counts from here. */
  containerStartUs: number;
}

/** One elementary stream of an input. */
export interface RunTrack {
  /** Index into the run's inputs. */
  input: number;
  /** Stream index inside that input. */
  stream: number;
  language: string | null;
  name: string | null;
  /** Equal for tracks that may follow each other in a stream copy. */
  signature: string;
  codec: string;
  /** Display size; 0 for sound. */
  width: number;
  height: number;
  /** `25/1`; null for sound. */
  frameRate: string | null;
  /** `1:1` unless the pixels are not square. */
  pixelAspect: string;
}

/** A gapless stretch with the exact cut on the time line of its inputs. */
export interface Run {
  clip: number;
  source: string;
  /** First instant taken and first one not taken, microseconds of PTS (A and B of reference 2.2). */
  fromUs: number;
  toUs: number;
  /** PTS of the first picture of the inputs. */
  firstUs: number;
  /** UTC of that picture; null without a wall clock. */
  firstWallUs: number | null;
  inputs: RunInput[];
  /** Best first; never empty. */
  video: RunTrack[];
  audio: RunTrack[];
}
