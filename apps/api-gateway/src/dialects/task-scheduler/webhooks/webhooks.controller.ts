import { Controller, Delete, Get, HttpCode, Param, Post, UseFilters, UseGuards } from '@nestjs/common';
import type { ClientRecord } from '@task-engine/database';
import { rowId } from '@task-engine/dto';
import { Webhooks } from '@task-engine/engine';
import { CallerGuard } from '../auth/caller.guard';
import { CurrentClient } from '../auth/callers';
import { JsonBody } from '../http/body';
import { deliveryIdOf, webhookIdOf } from '../http/path-ids';
import { pageMeta, pageOf, Query, type QueryValues } from '../http/query';
import { notFound, Refusal } from '../http/refusal';
import { TaskSchedulerFilter } from '../http/task-scheduler.filter';
import { newWebhook } from './webhook-request';
import { presentDelivery, presentWebhook } from './webhook.presenter';

/** What a client is told about, and whether it arrived. */
@Controller('api/webhooks')
@UseFilters(TaskSchedulerFilter)
@UseGuards(CallerGuard)
export class WebhooksController {
  constructor(private readonly webhooks: Webhooks) {}

  @Get()
  async list(@CurrentClient() client: ClientRecord, @Query() query: QueryValues) {
    const page = pageOf(query);
    const { offset, limit } = page;
    const { webhooks, total } = await this.webhooks.list(client, { offset, limit });
    return { data: webhooks.map(presentWebhook), meta: pageMeta(page, total) };
  }

  @Post()
  async create(@CurrentClient() client: ClientRecord, @JsonBody() body: Record<string, unknown>) {
    return { data: presentWebhook(await this.webhooks.create(client, newWebhook(body))) };
  }

  @Delete(':id')
  async remove(@CurrentClient() client: ClientRecord, @Param('id') id: string) {
    if (!(await this.webhooks.remove(client, webhookIdOf(id)))) throw notFound('Webhook');
    return { data: { success: true, message: 'Webhook deleted successfully' } };
  }

  @Get(':id/deliveries')
  async deliveries(@CurrentClient() client: ClientRecord, @Param('id') id: string, @Query() query: QueryValues) {
    const page = pageOf(query);
    const { offset, limit } = page;
    const found = await this.webhooks.deliveries(client, webhookIdOf(id), { offset, limit });
    if (!found) throw notFound('Webhook');
    return { data: found.deliveries.map(presentDelivery), meta: pageMeta(page, found.total) };
  }

  @Post(':id/deliveries/:delivery/replay')
  @HttpCode(202)
  async replay(@CurrentClient() client: ClientRecord, @Param('id') id: string, @Param('delivery') delivery: string) {
    const deliveryId = deliveryIdOf(delivery);
    const answer = await this.webhooks.replay(client, webhookIdOf(id), deliveryId);
    if (answer === 'not_found') throw notFound('Delivery');
    if (answer === 'under_way')
      throw new Refusal('conflict', 'The delivery is under way still: it is sent again by itself');
    return { data: { id: rowId('delivery', deliveryId), status: 'pending' } };
  }
}
