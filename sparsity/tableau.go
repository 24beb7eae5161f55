package sparsity

import "math"

// tableau holds, for rows of a layer that share a mask, everything that the cost after
// re-fit needs, and follows changes of the mask exactly. It is the sweep operator of
// regression (Goodnight, "A tutorial on the SWEEP operator", The American Statistician
// 33(3), 1979) in its symmetric form. With K the kept and S the pruned columns it holds
//
//	A_KK = −H_KK⁻¹   A_SK = H_SK·H_KK⁻¹   A_SS = H_SS − H_SK·H_KK⁻¹·H_KS
//	b_K  = ŵ_K, the re-fitted weights     b_S  = what is left of (H·w)_S
//
// A pivot at a column prunes it if it is kept and keeps it if it is pruned. The rest of
// the tableau is never needed to follow some columns only, as a block does.
type tableau struct {
	n, q int       // columns; rows that share the mask
	a    []float64 // n+q rows of n: the lower half of A, then b
	v    []float64 // scratch of pivot
}

func newTableau(n, q int) *tableau {
	return &tableau{n: n, q: q, a: make([]float64, (n+q)*n), v: make([]float64, n+q)}
}

// at is A at i and j.
func (t *tableau) at(i, j int) float64 {
	if i < j {
		i, j = j, i
	}
	return t.a[i*t.n+j]
}

// rhs is b of one row.
func (t *tableau) rhs(q int) []float64 { return t.a[(t.n+q)*t.n:][:t.n] }

// reset makes the tableau with all columns pruned.
func (t *tableau) reset(p *problem, strip int) {
	copy(t.a, p.damped)
	for q := range t.q {
		copy(t.rhs(q), p.target[(strip*t.q+q)*t.n:][:t.n])
	}
}

// resetKept makes the tableau with all columns kept.
func (t *tableau) resetKept(p *problem, strip int) {
	for i, x := range p.inverse {
		t.a[i] = -x
	}
	for q := range t.q {
		row := p.weights[(strip*t.q+q)*t.n:]
		for j, b := 0, t.rhs(q); j < t.n; j++ {
			b[j] = float64(row[j])
		}
	}
}

// pivot prunes column k if it is kept, and keeps it if it is pruned.
func (t *tableau) pivot(k int) {
	n, v := t.n, t.v
	copy(v, t.a[k*n:][:k+1])
	for i := k + 1; i < n+t.q; i++ {
		v[i] = t.a[i*n+k]
	}
	d := v[k]
	for i := range n + t.q {
		f := v[i] / d
		if f == 0 || i == k {
			continue
		}
		subtract(t.a[i*n:][:min(i+1, n)], v, f)
	}
	scale := 1 / math.Abs(d)
	for j := range k {
		t.a[k*n+j] = v[j] * scale
	}
	t.a[k*n+k] = -1 / d
	for i := k + 1; i < n+t.q; i++ {
		t.a[i*n+k] = v[i] * scale
	}
}

// subtract takes f times v from row. Four at a time, as the compiler doesn't unroll.
func subtract(row, v []float64, f float64) {
	v = v[:len(row)]
	for len(row) >= 4 && len(v) >= 4 {
		row[0] -= f * v[0]
		row[1] -= f * v[1]
		row[2] -= f * v[2]
		row[3] -= f * v[3]
		row, v = row[4:], v[4:]
	}
	for i := range row {
		row[i] -= f * v[i]
	}
}

// change is by how much the cost grows if all the given columns turn, from kept to
// pruned or back: −b_Fᵀ·A_FF⁻¹·b_F, summed over the rows.
func (t *tableau) change(cols []int, s *small) float64 {
	switch {
	case len(cols) == 1:
		return t.change1(cols[0])
	case len(cols) == 2:
		return t.change2(cols[0], cols[1])
	}
	s.fit(len(cols))
	for i, x := range cols {
		for j, y := range cols[:i+1] {
			s.at[i][j] = t.at(x, y)
		}
	}
	s.factor()
	var sum float64
	for q := range t.q {
		b := t.rhs(q)
		for i, x := range cols {
			s.b[i] = b[x]
		}
		sum -= s.form()
	}
	return sum
}

func (t *tableau) change1(i int) float64 {
	var sum float64
	for q := range t.q {
		x := t.a[(t.n+q)*t.n+i]
		sum += x * x
	}
	return -sum / t.a[i*t.n+i]
}

func (t *tableau) change2(i, j int) float64 {
	aii, ajj, aij := t.a[i*t.n+i], t.a[j*t.n+j], t.at(i, j)
	var bii, bjj, bij float64
	for at := t.n * t.n; at < len(t.a); at += t.n {
		x, y := t.a[at+i], t.a[at+j]
		bii, bjj, bij = bii+x*x, bjj+y*y, bij+x*y
	}
	return (2*aij*bij - ajj*bii - aii*bjj) / (aii*ajj - aij*aij)
}

// sub copies what concerns the given columns into a smaller tableau, which from then on
// follows their changes exactly as long as no other column turns.
func (t *tableau) sub(into *tableau, cols []int) {
	n := len(cols)
	into.n, into.q = n, t.q
	into.a, into.v = resize(into.a, (n+t.q)*n), resize(into.v, n+t.q)
	for i, x := range cols {
		for j, y := range cols[:i+1] {
			into.a[i*n+j] = t.at(x, y)
		}
	}
	for q := range t.q {
		from, to := t.rhs(q), into.rhs(q)
		for i, x := range cols {
			to[i] = from[x]
		}
	}
}

// assign copies a tableau of the same size.
func (t *tableau) assign(from *tableau) {
	t.n, t.q = from.n, from.q
	t.a, t.v = resize(t.a, len(from.a)), resize(t.v, len(from.v))
	copy(t.a, from.a)
}

func resize(s []float64, n int) []float64 {
	if cap(s) < n {
		return make([]float64, n)
	}
	return s[:n]
}

// small is scratch for a few columns: a symmetric matrix, not necessarily definite, and
// one right-hand side.
type small struct {
	full [][]float64
	at   [][]float64 // the lower half, then its factors L·D·Lᵀ
	b    []float64
}

func (s *small) fit(n int) {
	for i := len(s.full); i < n; i++ {
		s.full = append(s.full, make([]float64, i+1))
	}
	s.at, s.b = s.full[:n], resize(s.b, n)
}

// factor needs no exchange of rows: the order is one in which columns can turn one by
// one, and every one of these pivots is a variance that isn't 0.
func (s *small) factor() {
	for j := range s.b {
		for i := j; i < len(s.b); i++ {
			for k := range j {
				s.at[i][j] -= s.at[i][k] * s.at[j][k] * s.at[k][k]
			}
			if i > j {
				s.at[i][j] /= s.at[j][j]
			}
		}
	}
}

// form is bᵀ·A⁻¹·b.
func (s *small) form() float64 {
	var sum float64
	for i := range s.b {
		for k := range i {
			s.b[i] -= s.at[i][k] * s.b[k]
		}
		sum += s.b[i] * s.b[i] / s.at[i][i]
	}
	return sum
}
