package tenant

import (
	"reflect"
	"testing"
)

func TestWhatIsWrittenToAnyTableIsRemembered(t *testing.T) {
	w, err := NewWorld(Options{})
	if err != nil {
		t.Fatal(err)
	}
	tables := reflect.ValueOf(&w.Tenants[0].Directory).Elem()
	for i := range tables.NumField() {
		if wrote := tables.Field(i).FieldByName("wrote"); wrote.IsNil() {
			t.Errorf("the history does not tell of writes to %s", tables.Type().Field(i).Name)
		}
	}
}

func TestAWriteNamesWhatItChangedAndNoValue(t *testing.T) {
	w, err := NewWorld(Options{})
	if err != nil {
		t.Fatal(err)
	}
	org := w.Tenants[0]
	made := Application{ID: "1", DisplayName: "before"}
	org.Directory.Applications.Put(w.Now(), made.ID, made)
	changed := made
	changed.DisplayName, changed.Passwords = "after", []PasswordCredential{{Secret: "hunter2"}}
	org.Directory.Applications.Put(w.Now(), made.ID, changed)
	org.Directory.Applications.Remove(w.Now(), made.ID)
	org.Directory.Applications.Put(w.Now(), made.ID, changed)
	want := []Write{
		{Did: "created", Kind: "application", ID: "1"},
		{Did: "changed", Kind: "application", ID: "1", Fields: []string{"displayName", "passwords 0→1"}},
		{Did: "removed", Kind: "application", ID: "1"},
		{Did: "created", Kind: "application", ID: "1"},
	}
	if got := org.TakeWrites(); !reflect.DeepEqual(got, want) {
		t.Errorf("remembered is %+v", got)
	}
	if again := org.TakeWrites(); len(again) != 0 {
		t.Errorf("taken a second time: %+v", again)
	}
}
