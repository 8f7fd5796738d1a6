export { MessagingModule, type MessagingOptions } from './messaging.module';
export { NotificationServer, type NotificationHandler } from './notification-server';
export { Notifier } from './notifier';
export { type Processing } from './processing';
export { type RequestCount, RequestLimiter } from './request-limiter';
export { RedisReadiness, SubscriberReadiness } from './redis.readiness';
export { WorkQueues, type WorkHandler, type WorkItem } from './work-queues';
