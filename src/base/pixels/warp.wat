;; out[y][x] = sum over 4 x 4 taps of weights[phase] * src[v - 1 + i][u - 1 + j], rounded from 1/32768, with
;; (u, v) = (columns[x] + rows[y]) / 1024 and phase its fraction in 1/32. Black where (u, v) is over two pixels from the picture.
(module
  ;; From 0 on the weights: of each phase 16 of 16 bits, by rows.
  (memory (export "memory") 1)

  ;; $columns: $n pairs of i32 (x, y); $rows: $m such pairs. $src: the first pixel of a picture of $width x $height, which has three
  ;; black ones on all sides; $stride: bytes from row to row. $out: $m rows of $n pixels of three bytes, and one byte more.
  (func (export "warp")
    (param $out i32) (param $columns i32) (param $n i32) (param $rows i32) (param $m i32)
    (param $src i32) (param $stride i32) (param $width i32) (param $height i32)
    (local $column i32) (local $end i32) (local $last i32) (local $x i32) (local $y i32) (local $u i32) (local $v i32)
    (local $p i32) (local $k i32) (local $row v128) (local $sum v128)
    (if (i32.or (i32.eqz (local.get $n)) (i32.eqz (local.get $m))) (then (return)))
    (local.set $width (i32.add (local.get $width) (i32.const 2)))
    (local.set $height (i32.add (local.get $height) (i32.const 2)))
    (local.set $end (i32.add (local.get $columns) (i32.shl (local.get $n) (i32.const 3))))
    (local.set $last (i32.add (local.get $rows) (i32.shl (local.get $m) (i32.const 3))))
    (loop $down
      (local.set $column (local.get $columns))
      (loop $across
        ;; 1/32 pixel
        (local.set $x (i32.shr_s (i32.add (i32.load (local.get $rows)) (i32.load (local.get $column))) (i32.const 5)))
        (local.set $y (i32.shr_s (i32.add (i32.load offset=4 (local.get $rows)) (i32.load offset=4 (local.get $column))) (i32.const 5)))
        (local.set $u (i32.shr_s (local.get $x) (i32.const 5)))
        (local.set $v (i32.shr_s (local.get $y) (i32.const 5)))
        (if (i32.and
              (i32.le_u (i32.add (local.get $u) (i32.const 2)) (local.get $width))
              (i32.le_u (i32.add (local.get $v) (i32.const 2)) (local.get $height)))
          (then
            (local.set $p (i32.add (local.get $src)
              (i32.add (i32.mul (local.get $v) (local.get $stride)) (i32.mul (local.get $u) (i32.const 3)))))
            (local.set $k (i32.or
              (i32.shl (i32.and (local.get $y) (i32.const 31)) (i32.const 10))
              (i32.shl (i32.and (local.get $x) (i32.const 31)) (i32.const 5))))
            (if (local.get $k)
              (then
                ;; Bytes become pairs of 16 bits, neighbours of a channel, and are multiplied with their weights and added.
                (local.set $p (i32.sub (i32.sub (local.get $p) (local.get $stride)) (i32.const 3)))
                (local.set $row (v128.load (local.get $p)))
                (local.set $sum (i32x4.add
                  (i32x4.dot_i16x8_s (v128.load32_splat (local.get $k))
                    (i8x16.swizzle (local.get $row) (v128.const i8x16 0 -1 3 -1 1 -1 4 -1 2 -1 5 -1 -1 -1 -1 -1)))
                  (i32x4.dot_i16x8_s (v128.load32_splat offset=4 (local.get $k))
                    (i8x16.swizzle (local.get $row) (v128.const i8x16 6 -1 9 -1 7 -1 10 -1 8 -1 11 -1 -1 -1 -1 -1)))))
                (local.set $p (i32.add (local.get $p) (local.get $stride)))
                (local.set $row (v128.load (local.get $p)))
                (local.set $sum (i32x4.add (local.get $sum) (i32x4.add
                  (i32x4.dot_i16x8_s (v128.load32_splat offset=8 (local.get $k))
                    (i8x16.swizzle (local.get $row) (v128.const i8x16 0 -1 3 -1 1 -1 4 -1 2 -1 5 -1 -1 -1 -1 -1)))
                  (i32x4.dot_i16x8_s (v128.load32_splat offset=12 (local.get $k))
                    (i8x16.swizzle (local.get $row) (v128.const i8x16 6 -1 9 -1 7 -1 10 -1 8 -1 11 -1 -1 -1 -1 -1))))))
                (local.set $p (i32.add (local.get $p) (local.get $stride)))
                (local.set $row (v128.load (local.get $p)))
                (local.set $sum (i32x4.add (local.get $sum) (i32x4.add
                  (i32x4.dot_i16x8_s (v128.load32_splat offset=16 (local.get $k))
                    (i8x16.swizzle (local.get $row) (v128.const i8x16 0 -1 3 -1 1 -1 4 -1 2 -1 5 -1 -1 -1 -1 -1)))
                  (i32x4.dot_i16x8_s (v128.load32_splat offset=20 (local.get $k))
                    (i8x16.swizzle (local.get $row) (v128.const i8x16 6 -1 9 -1 7 -1 10 -1 8 -1 11 -1 -1 -1 -1 -1))))))
                (local.set $p (i32.add (local.get $p) (local.get $stride)))
                (local.set $row (v128.load (local.get $p)))
                (local.set $sum (i32x4.add (local.get $sum) (i32x4.add
                  (i32x4.dot_i16x8_s (v128.load32_splat offset=24 (local.get $k))
                    (i8x16.swizzle (local.get $row) (v128.const i8x16 0 -1 3 -1 1 -1 4 -1 2 -1 5 -1 -1 -1 -1 -1)))
                  (i32x4.dot_i16x8_s (v128.load32_splat offset=28 (local.get $k))
                    (i8x16.swizzle (local.get $row) (v128.const i8x16 6 -1 9 -1 7 -1 10 -1 8 -1 11 -1 -1 -1 -1 -1))))))
                (local.set $sum (i32x4.shr_s (i32x4.add (local.get $sum) (v128.const i32x4 16384 16384 16384 16384)) (i32.const 15)))
                (local.set $sum (i16x8.narrow_i32x4_s (local.get $sum) (local.get $sum)))
                ;; The fourth byte is the next pixel's, which comes after.
                (v128.store32_lane 0 (local.get $out) (i8x16.narrow_i16x8_u (local.get $sum) (local.get $sum))))
              (else (i32.store (local.get $out) (i32.load (local.get $p))))))
          (else (i32.store (local.get $out) (i32.const 0))))
        (local.set $out (i32.add (local.get $out) (i32.const 3)))
        (br_if $across (i32.lt_u (local.tee $column (i32.add (local.get $column) (i32.const 8))) (local.get $end))))
      (br_if $down (i32.lt_u (local.tee $rows (i32.add (local.get $rows) (i32.const 8))) (local.get $last))))))
