(module $subprogram
  (type (;0;) (func (param i64 i32) (result i64)))
  (type (;1;) (func (param i64 i32 i32) (result i64)))
  (import "kernel" "memory" (memory (;0;) 0))
  (func $subprogram (type 0) (param i64 i32) (result i64)
    (local i32 i32 i32 i64 i64)
    (local.set 2
      (i32.sub
        (i32.add
          (local.get 1)
          (i32.const 16384))
        (i32.load offset=60 align=1
          (local.get 1))))
    (local.set 3
      (i32.sub
        (local.get 2)
        (i32.const 512)))
    (i64.store offset=504 align=1
      (local.get 3)
      (i64.const 7))
    (local.set 4
      (local.get 2))
    (local.set 5
      (i64.add
        (i64.extend_i32_u
          (local.get 4))
        (i64.const -8)))
    (local.set 6
      (call 1
        (local.get 5)
        (i32.sub
          (local.get 2)
          (i32.const 8))
        (local.get 1)))
    (return
      (local.get 6))
    (unreachable))
  (func $subprogram/1 (type 1) (param i64 i32 i32) (result i64)
    (local i64)
    (local.set 3
      (i64.load align=1
        (i32.wrap_i64
          (local.get 0))))
    (local.set 3
      (i64.div_s
        (local.get 3)
        (i64.const 3)))
    (return
      (local.get 3))
    (unreachable))
  (export "entry" (func 0)))
