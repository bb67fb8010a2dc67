(module $irreducible
  (type (;0;) (func (param i64 i32) (result i64)))
  (import "kernel" "memory" (memory (;0;) 0))
  (func $irreducible (type 0) (param i64 i32) (result i64)
    (local i32 i32 i64 i32)
    (local.set 3
      (i32.wrap_i64
        (local.get 0)))
    (block  ;; label = @1
      (local.set 4
        (i64.load align=1
          (local.get 3)))
      (if  ;; label = @2
        (i64.gt_u
          (local.get 4)
          (i64.const 5))
        (then
          (local.set 5
            (i32.const 1))
          (br 1 (;@1;))))
      (local.set 5
        (i32.const 0))
      (br 0 (;@1;)))
    (block  ;; label = @1
      (loop  ;; label = @2
        (block  ;; label = @3
          (block  ;; label = @4
            (br_table 1 (;@3;) 0 (;@4;)
              (local.get 5)))
          (local.set 4
            (i64.add
              (local.get 4)
              (i64.const 2)))
          (br_if 2 (;@1;)
            (i64.ge_u
              (local.get 4)
              (i64.const 100)))
          (local.set 5
            (i32.const 0))
          (br 1 (;@2;)))
        (local.set 4
          (i64.add
            (local.get 4)
            (i64.const 1)))
        (local.set 5
          (i32.const 1))
        (br 0 (;@2;))))
    (return
      (local.get 4))
    (unreachable))
  (export "entry" (func 0)))
