import 'reflect-metadata';
import type { AddressInfo } from 'node:net';
import { Body, Controller, HttpCode, Module, Post, ValidationPipe } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Type } from 'class-transformer';
import { IsInt, IsNotEmpty, IsObject, IsOptional, IsString, ValidateNested } from 'class-validator';
import { Pool } from 'pg';
import { serve } from '../harness/child';

class JobDto {
  @IsString()
  @IsNotEmpty()
  workflow!: string;

  @IsOptional()
  @IsInt()
  priority?: number;
}

class SubmitDto {
  @ValidateNested()
  @Type(() => JobDto)
  job!: JobDto;

  @IsObject()
  parameters!: object;
}

let pool: Pool | undefined;

/** The least that a submit can be: validate, one INSERT, answer with the id. */
@Controller()
class BareController {
  @Post('job')
  @HttpCode(200)
  async submit(@Body() { job, parameters }: SubmitDto) {
    const { rows } = await pool!.query<{ id: string }>(
      'INSERT INTO bare_job (workflow, priority, parameters) VALUES ($1, $2, $3) RETURNING id',
      [job.workflow, job.priority ?? 5, JSON.stringify(parameters)],
    );
    return { id: Number(rows[0]!.id), result: 'accepted' };
  }
}

@Module({ controllers: [BareController] })
class BareModule {}

/** Nest on Fastify with one route and one INSERT, in a process of its own: the floor under POST /job. */
const procedures = {
  /** @returns where it listens */
  async listen({ databaseUrl, connections }: { databaseUrl: string; connections: number }): Promise<string> {
    pool = new Pool({ connectionString: databaseUrl, max: connections });
    await pool.query(
      `CREATE TABLE bare_job (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, workflow text NOT NULL, priority smallint NOT NULL,
         parameters jsonb NOT NULL, created_at timestamptz NOT NULL DEFAULT now())`,
    );
    const app = await NestFactory.create<NestFastifyApplication>(BareModule, new FastifyAdapter(), { logger: false });
    app.useGlobalPipes(new ValidationPipe({ transform: true, whitelist: true }));
    await app.listen(0, '127.0.0.1');
    return `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`;
  },
};

export type BareServer = typeof procedures;

serve(procedures);
