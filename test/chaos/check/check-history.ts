import type { History, Violation } from '../history';
import { checkAnswers } from './answers';
import { checkCallbacks } from './callbacks';
import { checkDueTimes } from './due-times';
import { checkEligibility } from './eligibility';
import { checkGraph } from './graph';
import { checkLeases } from './leases';
import { checkLimits } from './limits';
import { checkOrder } from './order';
import { checkEnds, checkOwnHistory, checkStates } from './states';
import { checkSubmissions } from './submissions';

const CHECKS = [
  checkSubmissions,
  checkEnds,
  checkStates,
  checkOwnHistory,
  checkLeases,
  checkLimits,
  checkEligibility,
  checkOrder,
  checkDueTimes,
  checkCallbacks,
  checkAnswers,
  checkGraph,
];

/** Everything in a drained run's history that contradicts the engine's invariants. */
export function checkHistory(history: History): Violation[] {
  return CHECKS.flatMap((check) => check(history));
}
