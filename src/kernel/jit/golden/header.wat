(module $header
  (type (;0;) (func (param i64 i32) (result i64)))
  (import "kernel" "memory" (memory (;0;) 0))
  (func $header (type 0) (param i64 i32) (result i64)
    (local i32 i32 i32 i32 i64 i32 i32)
    (local.set 3
      (i32.wrap_i64
        (local.get 0)))
    (block  ;; label = @1
      (local.set 4
        (i32.load offset=4 align=1
          (local.get 3)))
      (local.set 3
        (i32.load align=1
          (local.get 3)))
      (local.set 5
        (local.get 3))
      (local.set 6
        (i64.add
          (i64.extend_i32_u
            (local.get 5))
          (i64.const 14)))
      (br_if 0 (;@1;)
        (i64.gt_u
          (local.get 6)
          (i64.extend_i32_u
            (local.get 4))))
      (local.set 7
        (i32.load16_u offset=12 align=1
          (local.get 3)))
      (br_if 0 (;@1;)
        (i32.ne
          (local.get 7)
          (i32.const 8)))
      (local.set 8
        (i32.const 2))
      (return
        (i64.extend_i32_u
          (local.get 8))))
    (local.set 8
      (i32.const 1))
    (return
      (i64.extend_i32_u
        (local.get 8)))
    (unreachable))
  (export "entry" (func 0)))
