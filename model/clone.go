package model

// Clone returns a copy of the model that shares nothing with it.
func (m *Model) Clone() (*Model, error) {
	data, err := m.Write()
	if err != nil {
		return nil, err
	}
	return Read(data)
}
