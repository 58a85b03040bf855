export { command } from "./placeholder.ts";
