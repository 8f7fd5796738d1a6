import { z } from 'zod';

import { choice, integer, list, optionalText, queueList, text, url } from './fields';
import {
  clientsVariables,
  databaseVariables,
  dataVariables,
  farmVariables,
  heartbeatFitsLease,
  leaseVariables,
  opsVariables,
  outboundVariables,
  redisVariables,
} from './variables';

const API_URL_MEANING =
  'Where running command lines find /api, for their checkpoints: TASK_API_URL in their environment';

/** Variables of `task-worker`. */
export const workerSchema = z
  .object({
    ...opsVariables(8082),
    ...databaseVariables,
    ...redisVariables,
    ...leaseVariables,
    ...outboundVariables,
    ...dataVariables,
    ...clientsVariables,
    WORK_CONCURRENCY: integer('Tasks of the queue `work` that one process runs at one time', {
      min: 0,
      max: 1024,
      default: 16,
    }),
    WINDOWS_CAPTURE_CONCURRENCY: integer('Tasks of the queue `windows_capture` that one process runs at one time', {
      min: 0,
      max: 256,
      default: 2,
    }),
    SHELL_CONCURRENCY: integer('Command lines of /api that one process runs at one time', {
      min: 0,
      max: 1024,
      default: 16,
    }),
    WORKER_TAGS: list(
      'What tasks of /api can ask for with `worker_tags`, comma-separated: those that ask for no other run here',
    ),
    DTS_API_URL: url(API_URL_MEANING, ['http:', 'https:'])
      .default('http://127.0.0.1:8080/api')
      .describe(API_URL_MEANING),
    FURTHER_QUEUES: queueList('Queues that only workflow definitions name, as name:slots,name:slots'),
    ...farmVariables,
    FASTLANE_EXECUTOR: choice(
      'Where commands run: in containers of the engines that DOCKER_HOSTS names, as Jobs of a Kubernetes cluster, or as processes of this worker; `auto`: in containers if an engine answers at start, else as processes',
      ['auto', 'docker', 'kubernetes', 'host'],
      'auto',
    ),
    DOCKER_TLS_DIR: optionalText(
      'Folder with ca.pem, cert.pem and key.pem for engines at `name:port`; without it they are spoken to without TLS',
    ),
    DOCKER_PULL: choice(
      'When images are pulled, on Kubernetes too: `missing`, unless the host has them; `always`, before each run, and what the host has is used if the registry does not answer (on Kubernetes the run fails then); `never`',
      ['missing', 'always', 'never'],
      'missing',
    ),
    DOCKER_NETWORK: optionalText(
      "Network of the containers, as `docker run --network` takes it; the engine's default when unset",
    ),
    DOCKER_PIDS_LIMIT: integer('Processes and threads in one container at most', {
      min: 1,
      max: 1_000_000,
      default: 512,
    }),
    KUBERNETES_CONFIG: optionalText(
      'Kubeconfig file of the cluster for Jobs; unset: the service account of the pod that the worker runs in',
    ),
    KUBERNETES_NAMESPACE: optionalText('Namespace of the Jobs; unset: that of the configuration'),
    KUBERNETES_PULL_SECRETS: list('Secrets, comma-separated, with which images are pulled'),
    CONTAINER_CONCURRENCY: integer('Commands that one process looks after at one time', {
      min: 0,
      max: 1024,
      default: 64,
    }),
    PULL_STEP_CONCURRENCY: integer('Steps of workflows that one process waits for while workers of projects do them', {
      min: 0,
      max: 10_000,
      default: 256,
    }),
    CONTAINER_OUTPUT_BYTES: integer('Bytes of output that are kept of one execution at most', {
      min: 1024,
      max: 1_073_741_824,
      default: 16_777_216,
    }),
    CONTAINER_STOP_SECONDS: integer('Seconds between SIGTERM and SIGKILL when a command is stopped', {
      min: 0,
      max: 3600,
      default: 10,
    }),
    COMMAND_ALLOW: list('Programs, comma-separated, that the command executor may start; none when unset'),
    MAX_DOWNLOAD_BYTES: integer('Bytes of one source file at most', {
      min: 1,
      max: 109_951_162_777_600,
      default: 10_737_418_240,
    }),
    FFMPEG_PATH: text('The ffmpeg program', 'ffmpeg'),
    FFPROBE_PATH: text('The ffprobe program', 'ffprobe'),
  })
  .superRefine(heartbeatFitsLease);

export type WorkerConfiguration = z.output<typeof workerSchema>;
