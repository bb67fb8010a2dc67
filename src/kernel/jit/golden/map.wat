(module $map
  (type (;0;) (func (param i64 i64) (result i64)))
  (type (;1;) (func (param i64 i32) (result i64)))
  (import "kernel" "memory" (memory (;0;) 0))
  (import "kernel" "table" (table (;0;) 0 funcref))
  (import "helper" "map_lookup_elem" (func $map_lookup_elem (type 0)))
  (func $map (type 1) (param i64 i32) (result i64)
    (local i32 i32 i32 i32 i32 i64 i32 i32 i32 i32)
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
    (local.set 4
      (i32.wrap_i64
        (local.get 0)))
    (block  ;; label = @1
      (local.set 5
        (local.get 4))
      (i32.store offset=508 align=1
        (local.get 3)
        (i32.const 1))
      (local.set 6
        (local.get 2))
      (local.set 7
        (i64.add
          (i64.extend_i32_u
            (local.get 6))
          (i64.const -4)))
      (local.set 4
        (i32.const 50176))
      (local.set 9
        (if (result i32)  ;; label = @2
          (i32.lt_u
            (local.tee 8
              (i32.load align=1
                (i32.wrap_i64
                  (local.get 7))))
            (i32.const 16))
          (then
            (i32.add
              (i32.mul
                (local.get 8)
                (i32.const 8))
              (i32.const 51200)))
          (else
            (i32.const 0))))
      (br_if 0 (;@1;)
        (i32.eqz
          (local.get 9)))
      (local.set 10
        (i32.load align=1
          (local.get 9)))
      (local.set 4
        (local.get 5))
      (local.set 6
        (i32.const 50176))
      (block  ;; label = @2
        (br_if 0 (;@2;)
          (i32.ge_u
            (local.get 10)
            (i32.const 16)))
        (br_if 0 (;@2;)
          (i32.ge_u
            (i32.load align=1
              (local.get 1))
            (i32.const 33)))
        (br_if 0 (;@2;)
          (i32.eqz
            (local.tee 8
              (i32.load align=1
                (i32.add
                  (i32.shl
                    (local.get 10)
                    (i32.const 2))
                  (i32.const 51200))))))
        (i32.store align=1
          (local.get 1)
          (i32.add
            (i32.load align=1
              (local.get 1))
            (i32.const 1)))
        (return_call_indirect (type 1)
          (i64.extend_i32_u
            (local.get 4))
          (local.get 1)
          (local.get 8)))
      (br 0 (;@1;)))
    (local.set 9
      (i32.const 0))
    (return
      (i64.extend_i32_u
        (local.get 9)))
    (unreachable))
  (export "entry" (func 1)))
