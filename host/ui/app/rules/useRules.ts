// The rules of the server, for the pages of alerts and of rules.
import { useQuery } from '@tanstack/react-query';
import { get } from '../api/client';
import type { RulesData } from '../api/rules';

export function useRules(type?: 'alert') {
  return useQuery({
    queryKey: ['rules', type],
    queryFn: async ({ signal }) => (await get<RulesData>('rules', { type }, signal)).data.groups,
  });
}
