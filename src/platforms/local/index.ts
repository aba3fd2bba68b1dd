export { local, type LocalArgs } from "./local";
