package folder

func become(task) error { return nil }
