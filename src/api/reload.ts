import type { FastifyPluginAsyncTypebox } from '@fastify/type-provider-typebox';
import { Type } from 'typebox';
import { logReload } from '../groups-file/reload-log.js';
import type { Reloader } from '../groups-file/reloader.js';
import { ref } from '../schemas/ref.js';
import { ReloadReport } from '../schemas/reload-report.js';
import { BODY_PROBLEMS, jsonResponse, problemResponses } from './responses.js';

const ReloadQuery = Type.Object(
  {
    dryRun: Type.Optional(
      Type.Enum(['true', 'false'], { description: '`true`: only tell what would be done.' }),
    ),
  },
  { additionalProperties: false },
);

/** The groups file is read again. */
export const reloadRoutes: FastifyPluginAsyncTypebox<{ reloader: Reloader }> = async (app, { reloader }) => {
  app.post(
    '/v1/reload',
    {
      schema: {
        operationId: 'reloadGroups',
        summary: 'Read the groups file again',
        description:
          'Only what has changed in the file is touched: new groups are registered (and started with `autostart`), groups that are gone from it are stopped and forgotten, changed ones are changed. `labels`, `autostart`, `after`, `critical` and `workers` change live; other fields restart a group that runs. A group that was stopped stays so. Groups that were registered over REST are left alone. Answers when all is done; what fails with one group stops no other, and is told in its entry. SIGHUP does the same.',
        tags: ['groups'],
        querystring: ReloadQuery,
        response: {
          200: jsonResponse(ref(ReloadReport), 'What was done, or with `dryRun=true` would be.'),
          ...problemResponses(...BODY_PROBLEMS, 'no_groups_file', 'groups_file_invalid', 'shutting_down'),
        },
      },
    },
    async (request) => {
      const report = await reloader.reload(request.query.dryRun === 'true');
      if (!report.dryRun) logReload(report, request.log);
      return report;
    },
  );
};
