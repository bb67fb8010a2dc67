import { type Row, values } from "./table.ts";

/**
 * The kinds of BTF types, by their name without `BTF_KIND_`.
 * Source: `include/uapi/linux/btf.h`, Documentation/bpf/btf.rst.
 */
export const BTF_KINDS = {
  UNKN: { value: 0, since: "4.18" },
  INT: { value: 1, since: "4.18" },
  PTR: { value: 2, since: "4.18" },
  ARRAY: { value: 3, since: "4.18" },
  STRUCT: { value: 4, since: "4.18" },
  UNION: { value: 5, since: "4.18" },
  ENUM: { value: 6, since: "4.18" },
  FWD: { value: 7, since: "4.18" },
  TYPEDEF: { value: 8, since: "4.18" },
  VOLATILE: { value: 9, since: "4.18" },
  CONST: { value: 10, since: "4.18" },
  RESTRICT: { value: 11, since: "4.18" },
  FUNC: { value: 12, since: "5.0" },
  FUNC_PROTO: { value: 13, since: "5.0" },
  VAR: { value: 14, since: "5.2" },
  DATASEC: { value: 15, since: "5.2" },
  FLOAT: { value: 16, since: "5.13" },
  DECL_TAG: { value: 17, since: "5.16" },
  TYPE_TAG: { value: 18, since: "5.17" },
  ENUM64: { value: 19, since: "6.0" },
} as const satisfies Record<string, Row>;

/** The BTF kind numbers by name: `BTF_KIND.STRUCT`. */
export const BTF_KIND = values(BTF_KINDS);

/** The first two bytes of BTF and of BTF.ext, little endian. */
export const BTF_MAGIC = 0xeb9f;
/** The only version. */
export const BTF_VERSION = 1;
/** Bytes of `struct btf_header` (magic, version, flags, hdr_len, type_off, type_len, str_off, str_len). */
export const BTF_HEADER_SIZE = 24;
/** The highest type id (Linux 6.18). */
export const BTF_MAX_TYPE = 0x000fffff;
/** The highest offset of a name in the string section. */
export const BTF_MAX_NAME_OFFSET = 0x00ffffff;

/** The encoding bits of an integer. */
export const BTF_INT = { SIGNED: 1, CHAR: 2, BOOL: 4 } as const;
/** The linkage of a variable. */
export const BTF_VAR = { STATIC: 0, GLOBAL_ALLOCATED: 1, GLOBAL_EXTERN: 2 } as const;
/** The linkage of a function, in the vlen of BTF_KIND_FUNC. */
export const BTF_FUNC = { STATIC: 0, GLOBAL: 1, EXTERN: 2 } as const;

/** The kinds of CO-RE relocations (`enum bpf_core_relo_kind`), in the order of their numbers from 0. */
export const CORE_RELO_KINDS = [
  "field_byte_offset",
  "field_byte_size",
  "field_exists",
  "field_signed",
  "field_lshift_u64",
  "field_rshift_u64",
  "type_id_local",
  "type_id_target",
  "type_exists",
  "type_size",
  "enumval_exists",
  "enumval_value",
  "type_matches",
] as const;
/** The name of a CO-RE relocation kind, without `BPF_CORE_`. */
export type CoreReloKind = (typeof CORE_RELO_KINDS)[number];
