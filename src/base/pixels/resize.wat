;; A row or column shrinks by weights of 2^-22: out[o] = sum over k of weights[o][k] * src[starts[o] + k], rounded to 8 bits.
(module
  (memory (export "memory") 1)

  ;; $m rows of pixels, $stride bytes apart, to $n pixels each, $run bytes apart. $filter: of each output pixel a record of $record
  ;; bytes: where it starts, in bytes; how many weights, times 4; the weights. Reads and writes one byte more.
  (func (export "across")
    (param $src i32) (param $stride i32) (param $m i32) (param $filter i32) (param $record i32) (param $n i32)
    (param $out i32) (param $run i32)
    (local $f i32) (local $last i32) (local $p i32) (local $k i32) (local $end i32) (local $o i32) (local $sum v128)
    (local.set $last (i32.add (local.get $filter) (i32.mul (local.get $n) (local.get $record))))
    (loop $rows
      (local.set $f (local.get $filter))
      (local.set $o (local.get $out))
      (loop $pixels
        (local.set $sum (v128.const i32x4 2097152 2097152 2097152 2097152))
        (local.set $p (i32.add (local.get $src) (i32.load (local.get $f))))
        (local.set $k (local.get $f))
        (local.set $end (i32.add (local.get $f) (i32.load offset=4 (local.get $f))))
        (loop $taps
          (local.set $sum (i32x4.add (local.get $sum) (i32x4.mul
            (v128.load32_splat offset=8 (local.get $k))
            (i32x4.extend_low_i16x8_u (i16x8.extend_low_i8x16_u (v128.load32_zero (local.get $p)))))))
          (local.set $p (i32.add (local.get $p) (i32.const 3)))
          (br_if $taps (i32.lt_u (local.tee $k (i32.add (local.get $k) (i32.const 4))) (local.get $end))))
        (local.set $sum (i32x4.shr_s (local.get $sum) (i32.const 22)))
        (local.set $sum (i16x8.narrow_i32x4_s (local.get $sum) (local.get $sum)))
        (v128.store32_lane 0 (local.get $o) (i8x16.narrow_i16x8_u (local.get $sum) (local.get $sum)))
        (local.set $o (i32.add (local.get $o) (i32.const 3)))
        (br_if $pixels (i32.lt_u (local.tee $f (i32.add (local.get $f) (local.get $record))) (local.get $last))))
      (local.set $src (i32.add (local.get $src) (local.get $stride)))
      (local.set $out (i32.add (local.get $out) (local.get $run)))
      (br_if $rows (local.tee $m (i32.sub (local.get $m) (i32.const 1))))))

  ;; sums[i] += weight * row[i], for $n bytes, a multiple of 8.
  (func (export "add") (param $row i32) (param $n i32) (param $weight i32) (param $sums i32)
    (local $end i32) (local $w v128) (local $pixels v128)
    (local.set $end (i32.add (local.get $row) (local.get $n)))
    (local.set $w (i32x4.splat (local.get $weight)))
    (loop $next
      (local.set $pixels (v128.load8x8_u (local.get $row)))
      (v128.store (local.get $sums) (i32x4.add (v128.load (local.get $sums))
        (i32x4.mul (local.get $w) (i32x4.extend_low_i16x8_u (local.get $pixels)))))
      (v128.store offset=16 (local.get $sums) (i32x4.add (v128.load offset=16 (local.get $sums))
        (i32x4.mul (local.get $w) (i32x4.extend_high_i16x8_u (local.get $pixels)))))
      (local.set $sums (i32.add (local.get $sums) (i32.const 32)))
      (br_if $next (i32.lt_u (local.tee $row (i32.add (local.get $row) (i32.const 8))) (local.get $end)))))

  ;; out[i] = sums[i] / 2^22, rounded down, for $n sums, a multiple of 8.
  (func (export "finish") (param $sums i32) (param $n i32) (param $out i32)
    (local $end i32) (local $words v128)
    (local.set $end (i32.add (local.get $out) (local.get $n)))
    (loop $next
      (local.set $words (i16x8.narrow_i32x4_s
        (i32x4.shr_s (v128.load (local.get $sums)) (i32.const 22))
        (i32x4.shr_s (v128.load offset=16 (local.get $sums)) (i32.const 22))))
      (v128.store64_lane 0 (local.get $out) (i8x16.narrow_i16x8_u (local.get $words) (local.get $words)))
      (local.set $sums (i32.add (local.get $sums) (i32.const 32)))
      (br_if $next (i32.lt_u (local.tee $out (i32.add (local.get $out) (i32.const 8))) (local.get $end))))))
