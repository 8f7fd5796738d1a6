import type { InstallationOf } from '../runtime';

/** Seconds, fractions allowed. */
export interface KubernetesLimits {
  /** For the API server to answer a request. */
  readonly requestSeconds: number;
  /** For a pod to get a node. A cluster that has to add one takes minutes. */
  readonly scheduleSeconds: number;
  /** From then until its command runs, which is mostly the pull of its image. */
  readonly imagePullTimeoutSeconds: number;
  /** An image that could not be pulled may be had a moment later: how long that is waited for. */
  readonly imagePullGraceSeconds: number;
  /** Between two looks at a pod that does not start: why it does not is not always told as a change of it. */
  readonly lookSeconds: number;
  /** Between two looks at a pod that runs, whose changes are told: what a connection costs that has died without a word. */
  readonly watchSeconds: number;
  /** A log that is silent for so long is looked after: does the pod still run? */
  readonly quietSeconds: number;
  /** Between two attempts to open a log that cannot be read yet, or not at present. */
  readonly reopenSeconds: number;
  /** For the end of a pod to be noted after that of its log. */
  readonly endNotedSeconds: number;
}

export const DEFAULT_LIMITS: KubernetesLimits = {
  requestSeconds: 10,
  scheduleSeconds: 600,
  imagePullTimeoutSeconds: 1800,
  imagePullGraceSeconds: 30,
  lookSeconds: 15,
  watchSeconds: 30,
  quietSeconds: 60,
  reopenSeconds: 1,
  endNotedSeconds: 5,
};

export interface KubernetesRuntimeOptions {
  readonly installation: InstallationOf;
  /** Path of a kubeconfig file [the service account of the pod that this worker runs in]. */
  readonly kubeconfig?: string;
  /** Where Jobs are made [that of the kubeconfig's context or of the service account, else `default`]. */
  readonly namespace?: string;
  /** `Always`, `IfNotPresent` or `Never` [Kubernetes' own: always for `latest`, else when it is not there]. */
  readonly imagePullPolicy?: 'Always' | 'IfNotPresent' | 'Never';
  /** Names of secrets with the credentials of registries. */
  readonly imagePullSecrets?: readonly string[];
  /** Between TERM and KILL when somebody else deletes a pod; whole seconds [10]. */
  readonly terminationGraceSeconds?: number;
  readonly limits?: Partial<KubernetesLimits>;
  /** Hears of what an operator should know: why a pod waits, what could not be removed. */
  readonly log?: (message: string) => void;
}
