// Runs before the first paint, so that a chosen theme does not flash.
'use strict';
{
  let chosen = null;
  try { chosen = localStorage.getItem('theme'); } catch { /* storage is off: the system's colours it is */ }
  if (chosen === 'light' || chosen === 'dark') document.documentElement.dataset.theme = chosen;
}
