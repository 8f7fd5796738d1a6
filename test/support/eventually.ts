export { eventually, type EventuallyOptions } from '../../scripts/local/eventually';
