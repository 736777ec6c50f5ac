// Mantine's mixins and its functions for light and dark, for the style sheets of the pages.
export default {
  plugins: { 'postcss-preset-mantine': {} },
};
