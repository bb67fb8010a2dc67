export { E, errnoName, strerror } from "./uapi/errno.ts";
