// Where the application begins.
import { MantineProvider } from '@mantine/core';
import { QueryClient, QueryClientProvider } from '@tanstack/react-query';
import { RouterProvider } from '@tanstack/react-router';
import { StrictMode } from 'react';
import { createRoot } from 'react-dom/client';
import { nonce } from './page';
import { router } from './router';
import './styles';
import { theme } from './theme';

const client = new QueryClient({
  defaultOptions: {
    // A person asks again when they want to; the server has said what is wrong.
    // The server may be on a machine without a network: whether there is one, only asking tells.
    queries: {
      retry: false,
      networkMode: 'always',
      refetchOnWindowFocus: false,
      staleTime: 5_000,
      gcTime: 60_000,
    },
    mutations: { retry: false, networkMode: 'always' },
  },
});

const root = document.getElementById('root');
if (root === null) throw new Error('the page has no place for the application');
createRoot(root).render(
  <StrictMode>
    <MantineProvider theme={theme} defaultColorScheme="auto" getStyleNonce={() => nonce}>
      <QueryClientProvider client={client}>
        <RouterProvider router={router} />
      </QueryClientProvider>
    </MantineProvider>
  </StrictMode>,
);
