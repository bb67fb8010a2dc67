(module $loop
  (type (;0;) (func (param i64 i32) (result i64)))
  (import "kernel" "memory" (memory (;0;) 0))
  (func $loop (type 0) (param i64 i32) (result i64)
    (local i32 i32 i32 i32)
    (local.set 4
      (i32.const 0))
    (local.set 3
      (i32.const 10))
    (block  ;; label = @1
      (loop  ;; label = @2
        (local.set 5
          (local.get 3))
        (local.set 4
          (i32.add
            (local.get 4)
            (local.get 5)))
        (local.set 5
          (i32.add
            (local.get 5)
            (i32.const -1)))
        (local.set 3
          (local.get 5))
        (br_if 0 (;@2;)
          (local.get 5))
        (br 1 (;@1;))))
    (return
      (i64.extend_i32_u
        (local.get 4)))
    (unreachable))
  (export "entry" (func 0)))
