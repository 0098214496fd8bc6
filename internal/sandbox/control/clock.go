package control

import (
	"fmt"
	"net/http"
	"time"
)

// clockState is the clock as the control API shows it.
type clockState struct {
	Now   time.Time `json:"now"`
	Speed float64   `json:"speed"`
}

// clockPatch changes what is in it.
type clockPatch struct {
	Advance optional[string]  `json:"advance"` // moves the time forward, such as 720h
	Speed   optional[float64] `json:"speed"`   // above 0
	Settle  bool              `json:"settle"`
}

func (a *API) showClock(w http.ResponseWriter, _ *http.Request) {
	now, speed := a.world.Clock.Reading()
	writeControl(w, http.StatusOK, clockState{now.UTC(), speed})
}

// setClock moves the sandbox's time forward, sets the speed of replication, or lets the replicas catch up.
func (a *API) setClock(w http.ResponseWriter, r *http.Request) {
	var patch clockPatch
	if err := readControl(r, &patch); err != nil {
		refuseControl(w, http.StatusBadRequest, err)
		return
	}
	by, err := time.ParseDuration(patch.Advance.value)
	switch {
	case patch.Advance.set && (err != nil || by <= 0):
		refuseControl(w, http.StatusBadRequest,
			fmt.Errorf("advance: %q is not a duration forward in time, such as 720h", patch.Advance.value))
		return
	case patch.Speed.set && !(patch.Speed.value > 0):
		refuseControl(w, http.StatusBadRequest,
			fmt.Errorf("speed: %v; it is a number above 0, such as 60", patch.Speed.value))
		return
	}
	a.world.Clock.Set(by, patch.Speed.value)
	if patch.Settle {
		a.world.Settle()
	}
	a.showClock(w, r)
}
