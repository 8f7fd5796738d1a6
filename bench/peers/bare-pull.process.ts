import 'reflect-metadata';
import type { AddressInfo } from 'node:net';
import { Controller, Get, Module } from '@nestjs/common';
import { NestFactory } from '@nestjs/core';
import { FastifyAdapter, type NestFastifyApplication } from '@nestjs/platform-fastify';
import { Pool } from 'pg';
import { serve } from '../harness/child';

let pool: Pool | undefined;

/** The least that giving out a task can be: one UPDATE. */
@Controller()
class BareController {
  @Get('next')
  async next() {
    const { rows } = await pool!.query<{ id: string; recipe: string }>(
      `UPDATE bare_task SET taken_at = now() WHERE id = (
         SELECT id FROM bare_task WHERE taken_at IS NULL ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED
       ) RETURNING id, recipe`,
    );
    return { id: Number(rows[0]!.id), recipe: rows[0]!.recipe };
  }
}

@Module({ controllers: [BareController] })
class BareModule {}

const COLUMNS = `project integer NOT NULL, priority smallint NOT NULL, max_retries smallint NOT NULL, max_assign_time integer NOT NULL,
  verification_count smallint NOT NULL, recipe text NOT NULL`;

/** Nest on Fastify with one route and one UPDATE, in a process of its own: the floor under GET /task/get. */
const procedures = {
  /** @returns where it listens */
  async listen({ databaseUrl, connections, tasks }: { databaseUrl: string; connections: number; tasks: number }) {
    pool = new Pool({ connectionString: databaseUrl, max: connections });
    await pool.query(
      `CREATE TABLE bare_task (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, recipe text NOT NULL, taken_at timestamptz)`,
    );
    await pool.query(`CREATE INDEX bare_task_free ON bare_task (id) WHERE taken_at IS NULL`);
    await pool.query(`INSERT INTO bare_task (recipe) SELECT 'recipe ' || n FROM generate_series(1, $1::int) AS n`, [
      tasks,
    ]);
    const app = await NestFactory.create<NestFastifyApplication>(BareModule, new FastifyAdapter(), { logger: false });
    await app.listen(0, '127.0.0.1');
    return `http://127.0.0.1:${(app.getHttpServer().address() as AddressInfo).port}`;
  },

  /** Seconds that one INSERT of so many rows takes, each time anew. */
  async insert({ databaseUrl, rows, times }: { databaseUrl: string; rows: number; times: number }): Promise<number[]> {
    const client = new Pool({ connectionString: databaseUrl, max: 1 });
    await client.query(`CREATE TABLE bare_submit (id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY, ${COLUMNS})`);
    const recipes = Array.from({ length: rows }, (_, n) => `recipe ${n}`);
    const values = recipes.map((_, n) => `(1, 1, 3, 3600, 1, $${n + 1})`).join(', ');
    const seconds: number[] = [];
    for (let time = 0; time < times; time += 1) {
      const began = performance.now();
      await client.query(
        `INSERT INTO bare_submit (project, priority, max_retries, max_assign_time, verification_count, recipe) VALUES ${values} RETURNING id`,
        recipes,
      );
      seconds.push((performance.now() - began) / 1000);
    }
    await client.end();
    return seconds;
  },
};

export type BarePull = typeof procedures;

serve(procedures);
