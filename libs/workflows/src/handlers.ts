/** Names that `uses: builtin:...` of a task may have. The worker's executors are exactly these. */
export const BUILTIN_HANDLERS = [
  'builtin:noop',
  'builtin:sleep',
  'builtin:fail',
  'builtin:flaky',
  'builtin:fail_if',
  'builtin:capture.resolve',
  'builtin:capture.resolve_frame',
  'builtin:capture.download',
  'builtin:capture.plan_runs',
  'builtin:capture.cut_and_stitch',
  'builtin:package.cmaf',
  'builtin:manifests.write',
  'builtin:mp4.create',
  'builtin:mp4.dref',
  'builtin:frame.capture',
  'builtin:probe.metadata',
  'builtin:asset.find',
  'builtin:asset.fetch',
  'builtin:storage.list',
  'builtin:storage.publish',
  'builtin:storage.delete_folder',
  'builtin:storage.delete_files',
  'builtin:storage.verify_deleted',
  'builtin:workspace.remove',
] as const;

/** Everything that `uses` of a task may name. */
export const EXECUTOR_NAMES: readonly string[] = [...BUILTIN_HANDLERS, 'command', 'http', 'pull'];

/** Where steps wait that workers of others do: whoever looks after them has room for many. */
export const PULL_STEP_QUEUE = 'pull_steps';

/** Published workflows that this release does not run. A submission is refused by name, never half done. */
export const UNBUILT_WORKFLOWS: readonly string[] = [
  'vodstream',
  'drmswitch',
  'build_thumbnails',
  'vodremix',
  'generate_gif',
  'mediatailor_channel_assembly',
  'mediatailor_channel_state',
  'vodnpvr',
  'trickplay',
];
