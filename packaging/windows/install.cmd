@echo off
rem Installs Netlens as a Windows service and starts it; a Netlens that is there is replaced and keeps its configuration.
rem Run it as administrator, from the unpacked folder.
setlocal
set "name=Netlens"
set "program=%ProgramFiles%\Netlens"
set "data=%ProgramData%\Netlens"
set "events=HKLM\SYSTEM\CurrentControlSet\Services\EventLog\Application\%name%"

sc query %name% >nul 2>&1
if not errorlevel 1 call :stop || exit /b 1

if exist "%program%" rmdir /s /q "%program%"
xcopy "%~dp0program" "%program%\" /e /i /q /y >nul
if errorlevel 1 call :fail "cannot write to %program%: run this as administrator" & exit /b 1

rem Anybody may make folders in ProgramData: only administrators write here, and the service reads.
if not exist "%data%" mkdir "%data%"
icacls "%data%" /inheritance:r /grant:r *S-1-5-18:(OI)(CI)F *S-1-5-32-544:(OI)(CI)F *S-1-5-19:(OI)(CI)RX >nul
if errorlevel 1 call :fail "cannot set the rights of %data%" & exit /b 1
if not exist "%data%\netlens.yaml" copy /y "%~dp0netlens.yaml" "%data%\netlens.yaml" >nul

rem LocalService has next to no rights on the machine; what Netlens reads here needs none.
set "verb=create"
sc query %name% >nul 2>&1
if not errorlevel 1 set "verb=config"
sc %verb% %name% binPath= "\"%program%\netlens.exe\" run" start= auto obj= "NT AUTHORITY\LocalService" ^
  DisplayName= "Netlens" >nul
if errorlevel 1 call :fail "the service cannot be registered" & exit /b 1
sc description %name% "Network observability agent: metrics for Prometheus and OTLP" >nul
rem After a crash, or an end with an error, again after 5, 5 and then 60 seconds; a good day starts the row anew.
sc failure %name% reset= 86400 actions= restart/5000/restart/5000/restart/60000 >nul
sc failureflag %name% 1 >nul
reg add "%events%" /v EventMessageFile /t REG_EXPAND_SZ /d "%program%\System.Diagnostics.EventLog.Messages.dll" /f >nul

sc start %name% >nul
if errorlevel 1 call :fail "the service does not start: see the event log (Application, source %name%)" & exit /b 1
echo Netlens is installed and started: http://127.0.0.1:9102/metrics
echo Its configuration is %data%\netlens.yaml
exit /b 0

:stop
sc stop %name% >nul 2>&1
for /l %%i in (1,1,30) do (
  sc query %name% | find "STOPPED" >nul && exit /b 0
  ping -n 2 127.0.0.1 >nul
)
call :fail "the running service does not stop"
exit /b 1

:fail
echo install: %~1 1>&2
exit /b 1
