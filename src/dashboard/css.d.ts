/** Styles, which Vite collects into one file. */
declare module '*.css';
